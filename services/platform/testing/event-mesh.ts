import { randomBytes } from "node:crypto";
import { connect } from "nats";
import { type Logger, pino } from "pino";
import { Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { type UserRegistered, UserRegisteredSchema } from "../../../gen/giftmesh/profile/v1/user_pb.ts";
import type { Database, Session } from "../database/database.ts";
import { createTable } from "../database/migrate.ts";
import { insertInto } from "../database/statements.ts";
import { type Consumer, consume } from "../events/consumer.ts";
import { Events } from "../events/events.ts";
import { InProcessTransport } from "../events/in-process-transport.ts";
import { eventsMigration } from "../events/migrations.ts";
import { NatsTransport } from "../events/nats-transport.ts";
import type { RetryPolicy } from "../events/retries.ts";
import type { EventTransport } from "../events/transport.ts";
import { Leases, leasesMigration } from "../leases.ts";
import { Call } from "../rpc/call.ts";
import { type Engine, natsServer, testDatabase } from "./engines.ts";
import { eventually } from "./eventually.ts";

/** A transport of a test's own: with a broker, a stream of its own. */
export interface TestTransport {
  readonly server?: { readonly url: string; readonly prefix: string };
  /** One for each process. */
  open(): EventTransport;
  remove(): Promise<void>;
}

/** Shorter than any server's, so that the inbox is what stops duplicates. */
export const duplicateWindowMs = 100;

/** The transports that can be had here, by name: each call of one gives another. */
export function testTransports(): Record<string, () => TestTransport> {
  const url = natsServer();
  return { "in-process": inProcessTestTransport, ...(url && { NATS: () => natsTestTransport(url) }) };
}

export function inProcessTestTransport(): TestTransport {
  return { open: () => new InProcessTransport(), remove: async () => undefined };
}

/** A transport over a NATS server. */
export function natsTestTransport(url: string, prefix = `gmt_${randomBytes(5).toString("hex")}`): TestTransport {
  return {
    server: { url, prefix },
    open: () => new NatsTransport({ url, log: silent, prefix, duplicateWindowMs }),
    remove: async () => {
      const connection = await connect({ servers: new URL(url).host });
      const manager = await connection.jetstreamManager();
      await manager.streams.delete(prefix.toUpperCase()).catch(() => undefined);
      await connection.close();
    },
  };
}

const silent: Logger = pino({ level: "silent" });

const effectsMigration = {
  name: "001-effects",
  up: (knex: Parameters<typeof createTable>[0]) =>
    createTable(knex, "effects", (table) => {
      // Nothing here is unique but the place, so that an effect that is had twice is there twice.
      table.bigIncrements("place");
      table.bigInteger("user_id").notNullable();
    }),
};

const migrations = [leasesMigration, eventsMigration, effectsMigration];

export interface ReplicaOptions {
  /** Does more than the effect, before it. */
  readonly before?: (event: UserRegistered, call: Call) => Promise<void> | void;
  /** Takes together the events that come together. */
  readonly together?: boolean;
  /** Told of those whose effects are committed. */
  readonly committed?: (userIds: readonly number[]) => void;
  readonly retryPolicy?: RetryPolicy;
  /** Stands between the consumer and its database. */
  readonly wrapDatabase?: (database: Database) => Database;
  readonly wrapTransport?: (transport: EventTransport) => EventTransport;
  /** False: it takes no events before it is told to `consume`. */
  readonly consumes?: boolean;
}

export const fastRetries: RetryPolicy = { attempts: 3, firstMs: 1, mostMs: 4 };

/** One process of a mesh of two services: users are registered in one, and each has one effect in the other. */
export class Replica {
  readonly producer: Events;
  readonly consumer: Events;
  readonly producing: Database;
  readonly consuming: Database;
  private readonly transport: EventTransport;
  private readonly options: ReplicaOptions;

  static async start(engine: Engine, transport: TestTransport, options: ReplicaOptions = {}): Promise<Replica> {
    const [producing, consuming] = await Promise.all([
      testDatabase(engine, "profile", migrations),
      testDatabase(engine, "wallet", migrations),
    ]);
    return new Replica(producing, consuming, transport.open(), options);
  }

  private constructor(producing: Database, consuming: Database, transport: EventTransport, options: ReplicaOptions) {
    const {
      wrapDatabase = (it) => it,
      wrapTransport = (it) => it,
      retryPolicy = fastRetries,
      consumes = true,
    } = options;
    this.options = options;
    this.producing = producing;
    this.consuming = consuming;
    this.transport = wrapTransport(transport);
    this.producer = this.eventsOf("profile", producing, retryPolicy);
    this.consumer = this.eventsOf("wallet", wrapDatabase(consuming), retryPolicy);
    if (consumes) this.consume();
    this.producer.start();
    this.consumer.start();
  }

  private eventsOf(service: string, database: Database, retryPolicy: RetryPolicy): Events {
    const leases = new Leases(database, 1_000);
    return new Events({ service, database, transport: this.transport, leases, log: silent, retryPolicy });
  }

  /** Takes events from now on. */
  consume(): void {
    this.consumer.consume([effectOf(this.options)]);
  }

  /** Registers users, in one transaction. */
  async register(userIds: readonly number[], call?: Call): Promise<void> {
    await this.producing.transaction((tx) => this.registerIn(tx, userIds, call));
  }

  async registerIn(session: Session, userIds: readonly number[], call?: Call): Promise<void> {
    for (const userId of userIds) {
      const event = { userId: BigInt(userId), role: Role.USER };
      await this.producer.outbox.add(session, "giftmesh.profile.user-registered", UserRegisteredSchema, event, call);
    }
  }

  /** Whose effects there are, in the order that they were had in. */
  async effects(): Promise<number[]> {
    const rows = await this.consuming.select({ sql: "SELECT user_id FROM effects ORDER BY place", values: [] });
    return rows.map((row) => Number(row.user_id));
  }

  /** Waits until there are so many effects. */
  async effectsOf(count: number): Promise<number[]> {
    await eventually(async () => (await this.effects()).length >= count);
    return this.effects();
  }

  async unsentCount(): Promise<number> {
    const rows = await this.producing.select({ sql: "SELECT id FROM outbox WHERE sent_at = 0", values: [] });
    return rows.length;
  }

  /** Waits until all events have been sent. */
  async allSent(): Promise<void> {
    await eventually(async () => (await this.unsentCount()) === 0);
  }

  /** Has all events sent once more. */
  async sendAgain(): Promise<void> {
    await this.producing.transaction((tx) => tx.run([{ sql: "UPDATE outbox SET sent_at = 0", values: [] }]));
    await this.allSent();
  }

  /** Has all events sent so many minutes earlier than they were. */
  async age(minutes: number): Promise<void> {
    const earlier = BigInt(minutes) * 60_000_000n;
    await this.producing.write([{ sql: "UPDATE outbox SET sent_at = sent_at - ?", values: [earlier] }]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.producer.stop(), this.consumer.stop()]);
    await this.transport.close();
    await Promise.all([this.producing.close(), this.consuming.close()]);
  }
}

function effectOf({ before, together, committed }: ReplicaOptions): Consumer {
  const about = {
    name: "wallet-effect",
    subject: "giftmesh.profile.user-registered",
    message: UserRegisteredSchema,
    committed: (events: readonly UserRegistered[]) => committed?.(events.map(({ userId }) => Number(userId))),
  };
  if (!together) {
    return consume({
      ...about,
      async handle(event, _, call) {
        await before?.(event, call);
        return [{ sql: "INSERT INTO effects (user_id) VALUES (?)", values: [event.userId] }];
      },
    });
  }
  return consume({
    ...about,
    async handleTogether(events) {
      for (const event of events) await before?.(event, new Call({ requestId: "together" }));
      const rows = events.map(({ userId }) => [userId]);
      return [insertInto("effects", ["user_id"], rows)];
    },
  });
}

/** From one number to another, both included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
