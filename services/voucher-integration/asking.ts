import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { aboutVoucher } from "../platform/codes/about-voucher.ts";
import type { CodeKeys } from "../platform/codes/code-keys.ts";
import { isDuplicateKey } from "../platform/database/failures.ts";
import type { Worker } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { Bell, backoffMs, pause } from "../platform/waiting.ts";
import {
  acknowledge,
  type CodeRequest,
  leaveAlone,
  postpone,
  receive,
  refuse,
  release,
} from "./domain/code-request.ts";
import type { AskingOutcome, Circuit } from "./provider/circuit.ts";
import type { ProviderClient } from "./provider/provider-client.ts";
import type { RequestLane } from "./request-lane.ts";
import type { Requests } from "./store/requests.ts";

/** How many requests one process has with the provider at once. */
export const mostAtOnce = 256;

/** How many of these, at most, were acknowledged before: the rest is for new ones, however many are not called back. */
const mostAgainAtOnce = 32;

/** How often it is looked for requests that nobody has woken it for, in milliseconds. */
const pollMs = 250;

/** How long the requests that are under way when it is stopped may take to end, in milliseconds. */
const graceMs = 1_000;

/** What is left of a lease once the provider has had its time, in milliseconds: to write down what it said. */
const leaseMarginMs = 2_000;

const backoff = { firstMs: 250, mostMs: 15_000 };

export interface AskingParts {
  readonly requests: Requests;
  readonly lane: RequestLane;
  readonly provider: Pick<ProviderClient, "ask">;
  readonly circuit: Circuit;
  readonly keys: Pick<CodeKeys, "seal">;
  /** What the provider is to call back. */
  readonly callbackUrl: () => string;
  /** How long the provider may take to answer, in milliseconds. */
  readonly patienceMs: number;
  readonly lateAfterMs: number;
  /** Told of every answer. */
  readonly onAnswer: (kind: AskingOutcome["kind"]) => void;
  readonly log: Logger;
}

/** Answers without a code. */
type NoCode = Exclude<AskingOutcome, { readonly kind: "code" | "unasked" }>;

/** One that asks, until it is stopped or fails. */
interface Round {
  readonly underWay: Set<Promise<void>>;
  /** Those of them that ask for what was acknowledged before. */
  readonly again: Set<Promise<void>>;
  /** Aborted when nobody waits for the provider's answers any more. */
  readonly abandoned: AbortController;
}

/**
 * Asks the provider for vouchers, each until there is an answer; and again, seldom, where that was an acknowledgement and
 * no callback was taken since. A request is leased for as long as one attempt takes, so that no two replicas ask for the
 * same at a time, and one that dies with a replica is taken on by another.
 */
export class Asking {
  private readonly parts: AskingParts;
  private readonly bell = new Bell();

  constructor(parts: AskingParts) {
    this.parts = parts;
  }

  /** Says that there are new requests. */
  wake(): void {
    this.bell.ring();
  }

  get worker(): Worker {
    return { name: "ask-provider", everyMs: pollMs, alone: false, run: (stopping) => this.run(stopping) };
  }

  private async run(stopping: AbortSignal): Promise<void> {
    const round: Round = { underWay: new Set(), again: new Set(), abandoned: new AbortController() };
    try {
      while (!stopping.aborted) await this.step(round, stopping);
    } finally {
      await this.finish(round);
    }
  }

  private async step(round: Round, stopping: AbortSignal): Promise<void> {
    const { circuit } = this.parts;
    if (circuit.pauseMs > 0) return pause(circuit.pauseMs, stopping);
    const free = (circuit.isClosed ? mostAtOnce : 1) - round.underWay.size;
    const found = free > 0 ? await this.begin(free, round) : 0;
    if (found === 0) await this.bell.wait(pollMs, stopping);
  }

  /** Begins to ask for what is due, so many at most; answers how many there were. */
  private async begin(limit: number, round: Round): Promise<number> {
    const { requests, callbackUrl, patienceMs } = this.parts;
    const present = now();
    const due = await requests.due(present, limit, mostAgainAtOnce - round.again.size);
    const until = present + BigInt(patienceMs + leaseMarginMs) * 1_000n;
    const lease = { name: randomUUID(), callbackUrl: callbackUrl(), until };
    // Another replica may have been there first.
    for (const request of await requests.lease(due, lease, present)) {
      const attempt = this.attempt(request, round.abandoned.signal).finally(() => {
        round.underWay.delete(attempt);
        round.again.delete(attempt);
        this.bell.ring();
      });
      round.underWay.add(attempt);
      if (request.state === "acknowledged") round.again.add(attempt);
    }
    return due.length;
  }

  private async attempt(request: CodeRequest, abandoned: AbortSignal): Promise<void> {
    const { provider, circuit, onAnswer, log } = this.parts;
    try {
      const outcome = await circuit.run(() => provider.ask(request, abandoned));
      const isAbandoned = outcome.kind === "failed" && abandoned.aborted;
      onAnswer(isAbandoned ? "unasked" : outcome.kind);
      await this.note(request, isAbandoned ? { kind: "unasked" } : outcome);
    } catch (error) {
      log.error({ err: error, requestId: String(request.id) }, "an answer could not be written and is asked for again");
    }
  }

  private async note(request: CodeRequest, outcome: AskingOutcome): Promise<unknown> {
    const { lane, keys, lateAfterMs } = this.parts;
    const { id, lease } = request;
    switch (outcome.kind) {
      case "code": {
        const code = keys.seal(aboutVoucher(id), outcome.code);
        return lane.take(id, (known, present) => receive(known, code, lateAfterMs, present));
      }
      case "acknowledged":
      case "refused":
      case "failed":
        return request.state === "acknowledged" ? this.leaveAlone(request, outcome) : this.noteFirst(request, outcome);
      case "unasked":
        return lane.take(id, (known, present) => release(known, lease, present));
      default:
        return outcome satisfies never;
    }
  }

  private async noteFirst(request: CodeRequest, outcome: NoCode): Promise<unknown> {
    const { lane, log } = this.parts;
    const { id } = request;
    switch (outcome.kind) {
      case "acknowledged":
        return this.acknowledge(request, outcome.challenge);
      case "refused":
        log.warn({ requestId: String(id), status: outcome.status }, "the voucher provider refuses a request for good");
        return lane.take(id, (known, present) => refuse(known, present));
      case "failed":
        return this.postpone(request, outcome.why);
      default:
        return outcome satisfies never;
    }
  }

  private leaveAlone({ id, lease }: CodeRequest, { kind }: NoCode): Promise<unknown> {
    const { lane, lateAfterMs, log } = this.parts;
    log.info({ requestId: String(id), kind }, "the voucher provider has no code yet for a request it has acknowledged");
    return lane.take(id, (known, present) => leaveAlone(known, lease, lateAfterMs, present));
  }

  private async acknowledge(request: CodeRequest, challenge: string): Promise<void> {
    const { lane, lateAfterMs } = this.parts;
    try {
      await lane.take(request.id, (known, present) => acknowledge(known, challenge, lateAfterMs, present));
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      await this.postpone(request, "the acknowledgement's challenge is that of another request");
    }
  }

  private async postpone(request: CodeRequest, why: string): Promise<void> {
    const { lane, log } = this.parts;
    const attempts = request.attempts + 1;
    const pauseMs = backoffMs(attempts, backoff);
    log.info({ requestId: String(request.id), why, attempts }, "the voucher provider did not answer a request well");
    await lane.take(request.id, (known, present) => postpone(known, request.lease, pauseMs, present));
  }

  /** Gives attempts that are under way a little time to end; those that do not are for others to make, at once. */
  private async finish({ underWay, abandoned }: Round): Promise<void> {
    const ended = new AbortController();
    await Promise.race([Promise.all(underWay), pause(graceMs, ended.signal)]);
    ended.abort();
    abandoned.abort();
    await Promise.all(underWay);
  }
}
