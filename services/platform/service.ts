import type { Knex } from "knex";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Config } from "./config.ts";
import type { Database } from "./database/database.ts";
import type { Consumer } from "./events/consumer.ts";
import type { Outbox } from "./events/outbox.ts";
import type { Signals } from "./events/signals.ts";
import type { IdSequence } from "./ids.ts";
import type { Listener } from "./listener.ts";
import type { Clients, Served } from "./rpc/handler.ts";

/** What a service is given to stand on. */
export interface Platform {
  readonly config: Config;
  readonly database: Database;
  readonly clients: Clients;
  readonly outbox: Outbox;
  readonly signals: Signals;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Where this process listens, by the setting that says so. Whoever listens here does before the workers start. */
  listening(setting: string): URL | undefined;
  /** A sequence of ids of this service's database, by name. */
  ids(name: string, blockSize?: bigint): IdSequence;
}

/** One step of a service's schema: what to do on a database that has all the steps before it. */
export interface Migration {
  /** Sorts after the one before it: `001-accounts`. Never changed once released. */
  readonly name: string;
  up(schema: Knex): Promise<void>;
}

/** Work that a service does of its own accord, again and again. */
export interface Worker {
  /** Unique in the service: `purge-receipts`. */
  readonly name: string;
  /** Milliseconds from the end of one run to the start of the next. */
  readonly everyMs: number;
  /** Where true, only one replica runs it at a time. */
  readonly alone: boolean;
  run(signal: AbortSignal): Promise<void>;
}

/** What a service turned out to be once created. */
export interface RunningService {
  readonly serves: readonly Served[];
  readonly consumes?: readonly Consumer[];
  readonly workers?: readonly Worker[];
  /** Open from before the workers start until they are told to end. */
  readonly listens?: readonly Listener[];
  /** Lines for whoever started the process, such as a password that was made just now. Never logged. */
  readonly announcements?: readonly string[];
  /** Called when the workers have ended and before the database closes. */
  stop?(): Promise<void>;
}

/** A service of the mesh: its name, its schema, and how it is made. */
export interface ServiceDefinition {
  /** As `main.ts` takes it: `gift-card`. Its database is `giftmesh_gift_card`. */
  readonly name: string;
  readonly migrations: readonly Migration[];
  create(platform: Platform): Promise<RunningService>;
}
