import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { Database } from "./database/database.ts";
import { openDatabase } from "./database/open.ts";
import type { DeadLetters } from "./events/dead-letter-service.ts";
import { Events } from "./events/events.ts";
import { eventsMigration } from "./events/migrations.ts";
import { Signals } from "./events/signals.ts";
import type { EventTransport } from "./events/transport.ts";
import { Receipts } from "./idempotency.ts";
import { IdSequence } from "./ids.ts";
import { Leases, leasesMigration } from "./leases.ts";
import { type Listening, type RunningListener, startListener } from "./listener.ts";
import { Metrics } from "./metrics.ts";
import { receiptsMigrations } from "./receipt.ts";
import type { Dispatcher } from "./rpc/dispatcher.ts";
import type { Clients } from "./rpc/handler.ts";
import type { RunningService, ServiceDefinition } from "./service.ts";
import { type RunningWorkers, runWorkers } from "./workers.ts";

/** What every service keeps in its database for the platform. */
const platformMigrations = [...receiptsMigrations, leasesMigration, eventsMigration];

/** What the services of one process share. */
export interface Surroundings {
  readonly config: Config;
  readonly clients: Clients;
  readonly transport: EventTransport;
  readonly log: Logger;
  /** Unset: nobody reads them. */
  readonly metrics?: Metrics;
  /** Unset: no service asks where another one listens. */
  readonly listening?: Listening;
}

interface Parts {
  readonly database: Database;
  readonly events: Events;
  readonly leases: Leases;
  readonly receipts: Receipts;
  readonly service: RunningService;
  readonly host: string;
  readonly listening: Listening;
  readonly log: Logger;
}

/** A service in this process, with its database, its events and its workers. */
export class HostedService {
  private readonly parts: Parts;
  private workers: RunningWorkers | undefined;
  private readonly listeners: RunningListener[] = [];

  private constructor(parts: Parts) {
    this.parts = parts;
  }

  /** Opens the database and makes the service; nothing runs yet. */
  static async open(
    { name, migrations, create }: ServiceDefinition,
    { config, clients, transport, log: parentLog, metrics = new Metrics(), listening = new Map() }: Surroundings,
  ): Promise<HostedService> {
    const log = parentLog.child({ service: name });
    const database = await openDatabase(name, [...platformMigrations, ...migrations], config, log);
    try {
      const leases = new Leases(database);
      const events = new Events({ service: name, database, transport, leases, log });
      metrics.unsentEvents.set(name, events.counts.unsent);
      metrics.deadLetters.set(name, events.counts.dead);
      const service = await create({
        config,
        database,
        clients,
        outbox: events.outbox,
        signals: new Signals(name, transport),
        log,
        metrics: metrics.registry,
        listening: (setting) => listening.get(setting),
        ids: (sequence, blockSize) => new IdSequence(database, sequence, blockSize),
      });
      const receipts = new Receipts(database);
      return new HostedService({ database, events, leases, receipts, service, host: config.host, listening, log });
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  get announcements(): readonly string[] {
    const { service, listening } = this.parts;
    const places = (service.listens ?? []).map(({ title, setting }) => `${title}  ${listening.get(setting)?.origin}`);
    return [...(service.announcements ?? []), ...places];
  }

  get deadLetters(): DeadLetters {
    return this.parts.events.deadLetters;
  }

  serve(dispatcher: Dispatcher): void {
    const { service, receipts } = this.parts;
    const once = receipts.once.bind(receipts);
    for (const served of service.serves) dispatcher.add(served, { once });
  }

  consume(): void {
    this.parts.events.consume(this.parts.service.consumes ?? []);
  }

  /** Takes what comes on ports of its own. Throws a ConfigError where it may not listen there. */
  async listen(): Promise<void> {
    const { service, host, listening } = this.parts;
    for (const listener of service.listens ?? []) {
      const running = await startListener(listener, host);
      this.listeners.push(running);
      listening.set(listener.setting, running.url);
    }
  }

  /** Sends events and works from now on; all services of the process consume and listen by now. */
  start(): void {
    const { events, leases, receipts, service, log } = this.parts;
    events.start();
    this.workers = runWorkers([...(service.workers ?? []), ...events.workers, receipts.purge], leases, log);
  }

  /** Whether its database answers; rejects where it says why not. */
  async isReady(): Promise<boolean> {
    const rows = await this.parts.database.select({ sql: "SELECT 1 AS answer", values: [] });
    return rows.length === 1;
  }

  /** Closes its ports, and ends the work that the service does of its own accord. */
  async stop(): Promise<void> {
    const closed = this.listeners.map((listener) => listener.stop());
    await Promise.all([...closed, this.workers?.stop(), this.parts.events.stop()]);
    await this.parts.service.stop?.();
  }

  close(): Promise<void> {
    return this.parts.database.close();
  }
}
