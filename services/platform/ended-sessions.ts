import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { SessionService } from "../../gen/giftmesh/profile/v1/session_service_pb.ts";
import { Call } from "./rpc/call.ts";
import type { Clients } from "./rpc/handler.ts";
import { backoffMs, pause } from "./waiting.ts";

/**
 * By how much the clock that tokens are made by may be ahead of this one: a token is good here for so much longer than it
 * is there.
 */
const clockDifferenceMs = 60_000;

/** How soon it is listened again. */
const backoff = { firstMs: 50, mostMs: 2_000 };

/** The sessions that ended while tokens of theirs may still be out, as profile tells of them. */
export class EndedSessions {
  private readonly clients: Clients;
  private readonly tokenLifetimeMs: number;
  private readonly log: Logger;
  private readonly stopping = new AbortController();
  private heard = false;
  /** When the last token of each is no longer good, in milliseconds since 1970, the earliest first. */
  private readonly forgettableAt = new Map<bigint, number>();

  constructor(clients: Clients, tokenLifetimeMs: number, log: Logger) {
    this.clients = clients;
    this.tokenLifetimeMs = tokenLifetimeMs;
    this.log = log;
  }

  /** Begins to listen, and goes on until `stop`: when profile goes away, with growing pauses. */
  start(): void {
    void this.listen();
  }

  stop(): void {
    this.stopping.abort();
  }

  /** Whether profile has told of those that ended before it was listened to: it does so first, be there any or not. */
  get hasHeard(): boolean {
    return this.heard;
  }

  has(sessionId: bigint): boolean {
    return this.forgettableAt.has(sessionId);
  }

  private async listen(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const call = new Call({ requestId: randomUUID(), deadline: Number.POSITIVE_INFINITY, cancelled: signal });
        for await (const { sessionIds } of this.clients.of(SessionService).watchEndedSessions({}, call)) {
          failures = 0;
          this.add(sessionIds);
          this.heard = true;
        }
      } catch (error) {
        if (failures === 0 && !signal.aborted) this.log.warn({ err: error }, "Ended sessions are not heard of for now");
      }
      failures++;
      await pause(backoffMs(failures, backoff), signal);
    }
  }

  private add(sessionIds: readonly bigint[]): void {
    const now = Date.now();
    const forgettableAt = now + this.tokenLifetimeMs + clockDifferenceMs;
    for (const [sessionId, at] of this.forgettableAt) {
      if (at > now) break;
      this.forgettableAt.delete(sessionId);
    }
    for (const sessionId of sessionIds) {
      this.forgettableAt.delete(sessionId);
      this.forgettableAt.set(sessionId, forgettableAt);
    }
  }
}
