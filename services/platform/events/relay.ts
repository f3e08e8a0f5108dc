import type { Logger } from "pino";
import type { Leases } from "../leases.ts";
import { Bell, backoffMs, pause } from "../waiting.ts";
import { ExpectedEvents } from "./expected-events.ts";
import type { OutboxRows } from "./outbox-rows.ts";
import type { EventTransport } from "./transport.ts";

/** Events that are sent at a time, and have not been confirmed yet. */
const mostOutstanding = 256;

/** How far apart those of a steady flow begin to be sent, in milliseconds. */
const sendEveryMs = 20;

/** Whether so many at a time are a steady flow: fewer do not wait for others, and as many as may be sent at a time need not. */
const isSteadyFlow = (events: number) => events > 8 && events < mostOutstanding;

/** How often it is looked for what nobody has woken the relay for: what a crash left. */
const pollMs = 1_000;

/** After it was woken: the transaction that it was woken by has still to commit, and this is mostly enough. */
const firstPollMs = 2;

const nothing = new Uint8Array();

const backoff = { firstMs: 100, mostMs: 5_000 };

/** How often the transport is asked whether it still has what it was given. */
const checkEveryMs = 5_000;

/**
 * A NATS server writes to the disk every 2 minutes where it was not told otherwise: so much may it lose of what it was given
 * last, which may be long ago by the time that it is back.
 */
const doubtfulFor = 180_000_000n;

export interface RelayParts {
  readonly service: string;
  readonly outbox: OutboxRows;
  readonly transport: EventTransport;
  readonly leases: Leases;
  readonly log: Logger;
}

/**
 * Sends a service's events by the transport, in order: one replica at a time does, and an event is marked as sent once it
 * has arrived. What is there without having been sent was left by a crash or is not committed yet, so the relay only
 * ever looks for rows that are not sent.
 */
export class Relay {
  private readonly parts: RelayParts;
  /** Where replicas tell the one that has the relay that there is something to send. */
  private readonly nudges: string;
  private readonly bell = new Bell();
  private isLeading = false;
  private idleMs = 0;
  private readonly expected = new ExpectedEvents();
  /** These two by a clock that is never set, in milliseconds. */
  private nudgeAt = 0;
  private checkAt = 0;
  private seenConnections = 0;

  constructor(parts: RelayParts) {
    this.parts = parts;
    this.nudges = `nudge.${parts.service}`;
  }

  /** Says that an event is about to be committed: here, or in the replica that has the relay. */
  wake(id: string): void {
    if (this.isLeading) {
      this.expected.add(id);
      this.ring();
    } else if (performance.now() >= this.nudgeAt) {
      this.parts.transport.signal(this.nudges, nothing);
      this.nudgeAt = performance.now() + firstPollMs;
    }
  }

  private ring(): void {
    // A relay that is looking every few milliseconds is awake.
    if (this.idleMs > firstPollMs) this.bell.ring();
  }

  /** Relays until the signal is aborted, while no other replica does. */
  async run(stopping: AbortSignal): Promise<void> {
    const { transport, leases, log } = this.parts;
    transport.onSignal(this.nudges, () => {
      if (!this.isLeading) return;
      this.expected.addAny();
      this.ring();
    });
    while (!stopping.aborted) {
      try {
        await leases.during("relay", (lost) => this.lead(AbortSignal.any([stopping, lost])));
      } catch (error) {
        log.warn({ err: error }, "the relay cannot be started now");
      }
      await pause(pollMs, stopping);
    }
  }

  private async lead(ended: AbortSignal): Promise<void> {
    const { log } = this.parts;
    let failures = 0;
    this.isLeading = true;
    this.expected.addAny();
    while (!ended.aborted) {
      try {
        if (performance.now() >= this.checkAt) await this.checkStore();
        const begun = performance.now();
        const found = await this.sendWindow();
        if (failures > 0) log.info("events are on their way again");
        failures = 0;
        // Each time costs a commit here, and one of every consumer.
        if (isSteadyFlow(found)) await pause(begun + sendEveryMs - performance.now(), ended);
        else if (found === 0 || (found < mostOutstanding && !this.expected.any)) await this.idle(ended);
      } catch (error) {
        failures++;
        this.checkAt = 0;
        if (failures === 1) log.warn({ err: error }, "events cannot be sent now and wait in the outbox");
        await pause(backoffMs(failures, backoff), ended);
      }
    }
    this.isLeading = false;
  }

  /** Sends again what the transport has lost, or may have lost. Inboxes see to it that nothing is handled twice. */
  private async checkStore(): Promise<void> {
    const { outbox, transport, log } = this.parts;
    const { store, connections } = await transport.state();
    const lastStore = await outbox.store();
    if (store !== lastStore || connections !== this.seenConnections) this.expected.addAny();
    if (store !== lastStore) {
      if (lastStore) log.warn({ store, lastStore }, "the event store is another one: all that is kept is sent again");
      await outbox.resend(0n, store);
    } else if (connections !== this.seenConnections) {
      await outbox.resend((await outbox.lastSentAt()) - doubtfulFor, store);
    }
    this.seenConnections = connections;
    this.checkAt = performance.now() + checkEveryMs;
  }

  /** Sends as many events as may be outstanding, and marks those that have arrived. Answers how many there were. */
  private async sendWindow(): Promise<number> {
    const { outbox, transport } = this.parts;
    this.expected.look();
    const rows = await outbox.unsent(mostOutstanding);
    if (rows.length === 0) return 0;
    this.expected.found(rows.map(({ id }) => id as string));
    const results = await transport.publish(rows.map((row) => outbox.eventOf(row)));
    await outbox.markSent(rows.filter((_, index) => results[index]?.status === "fulfilled"));
    for (const result of results) if (result.status === "rejected") throw result.reason;
    return rows.length;
  }

  /** Waits to be woken: while events are expected, looking again after pauses that grow from a few milliseconds. */
  private async idle(ended: AbortSignal): Promise<void> {
    this.idleMs = this.expected.any ? Math.min(pollMs, Math.max(firstPollMs, this.idleMs * 2)) : pollMs;
    if (await this.bell.wait(this.idleMs, ended)) {
      this.idleMs = firstPollMs;
      await pause(firstPollMs, ended);
    }
  }
}
