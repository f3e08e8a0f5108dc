import type { Logger } from "pino";
import type { Database } from "../database/database.ts";
import type { Leases } from "../leases.ts";
import type { Worker } from "../service.ts";
import type { Consumer } from "./consumer.ts";
import type { DeadLetters } from "./dead-letter-service.ts";
import { FailedEvents } from "./failed-events.ts";
import { Inbox } from "./inbox.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { OutboxRows } from "./outbox-rows.ts";
import { Relay } from "./relay.ts";
import { defaultRetryPolicy, Retries, type RetryPolicy } from "./retries.ts";
import { Subscription } from "./subscription.ts";
import type { EventTransport } from "./transport.ts";

export interface EventsParts {
  /** The service's name; its events' ids start with it. */
  readonly service: string;
  readonly database: Database;
  /** One for all services of the process. */
  readonly transport: EventTransport;
  readonly leases: Leases;
  readonly log: Logger;
  readonly retryPolicy?: RetryPolicy;
}

/** Numbers that are counted when they are asked for. */
export interface EventCounts {
  /** Events that have not been sent. */
  unsent(): Promise<number>;
  /** Events that their consumers have failed on for good. */
  dead(): Promise<number>;
}

/**
 * The events of one service: those it sends and those it takes. To be assembled so, for the transport without a broker to
 * miss nothing: `consume` for every service of the process, then `start` for every service; at the end `stop` for
 * every service, then close the transport.
 */
export class Events {
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  /** How much there is to be seen to. */
  readonly counts: EventCounts;
  /** What forgets old rows. */
  readonly workers: readonly Worker[];
  private readonly transport: EventTransport;
  private readonly inbox: Inbox;
  private readonly retries: Retries;
  private readonly relay: Relay;
  private readonly stopping = new AbortController();
  private running: readonly Promise<void>[] = [];

  constructor({ service, database, transport, leases, log, retryPolicy = defaultRetryPolicy }: EventsParts) {
    const rows = new OutboxRows(service, database);
    const failedEvents = new FailedEvents(database);
    this.transport = transport;
    this.inbox = new Inbox(database);
    this.retries = new Retries(failedEvents, this.inbox, retryPolicy, log);
    this.relay = new Relay({ service, outbox: rows, transport, leases, log });
    this.outbox = createOutbox((id) => this.relay.wake(id));
    this.deadLetters = {
      list: (limit, after) => failedEvents.dead(limit, after),
      replay: (letter) => this.retries.retry(letter),
    };
    this.counts = { unsent: () => rows.unsentCount(), dead: () => failedEvents.deadCount() };
    this.workers = [rows.purge, this.inbox.purge];
  }

  /** Has consumers given their events. */
  consume(consumers: readonly Consumer[]): void {
    for (const consumer of consumers) {
      this.retries.register(consumer);
      this.transport.subscribe(new Subscription(consumer, this.inbox, this.retries));
    }
  }

  /** Sends what is in the outbox from now on, and retries what has failed. */
  start(): void {
    this.running = [this.relay.run(this.stopping.signal), this.retries.run(this.stopping.signal)];
  }

  /** Ends sending and retrying; what is under way is waited for. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }
}
