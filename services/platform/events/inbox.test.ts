import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import { pino } from "pino";
import { UserRegisteredSchema } from "../../../gen/giftmesh/profile/v1/user_pb.ts";
import type { Database } from "../database/database.ts";
import { createTable } from "../database/migrate.ts";
import type { Migration } from "../service.ts";
import { engines, testDatabase } from "../testing/engines.ts";
import { fastRetries } from "../testing/event-mesh.ts";
import { LossyDatabase } from "../testing/lossy-database.ts";
import { consume } from "./consumer.ts";
import { FailedEvents } from "./failed-events.ts";
import { Inbox } from "./inbox.ts";
import { eventsMigration } from "./migrations.ts";
import { Retries } from "./retries.ts";
import { Subscription } from "./subscription.ts";
import type { Event } from "./transport.ts";

const effectsMigration: Migration = {
  name: "001-effects",
  up: (knex) =>
    createTable(knex, "effects", (table) => {
      table.bigIncrements("place");
      table.bigInteger("user_id").notNullable();
    }),
};

const consumer = consume({
  name: "wallet-effect",
  subject: "giftmesh.profile.user-registered",
  message: UserRegisteredSchema,
  async handle({ userId }) {
    return [{ sql: "INSERT INTO effects (user_id) VALUES (?)", values: [userId] }];
  },
});

const log = pino({ level: "silent" });

function registered(userId: bigint): Event {
  const payload = toBinary(UserRegisteredSchema, create(UserRegisteredSchema, { userId }));
  return { id: `profile-${userId}`, subject: consumer.subject, payload, traceparent: "", requestId: "" };
}

/** One replica's subscription of the consumer. */
function subscriptionOn(database: Database): Subscription {
  return new Subscription(consumer, new Inbox(database), retriesOn(database));
}

function retriesOn(database: Database): Retries {
  const retries = new Retries(new FailedEvents(database), new Inbox(database), fastRetries, log);
  retries.register(consumer);
  return retries;
}

class NotCommitted extends Error {}

/** A database whose connection is lost before the first commit; before it is there again, something else happens. */
function losingFirstCommit(database: Database, meanwhile: () => Promise<void>): Database {
  let isLost = false;
  const batch: Database["batch"] = async (load, decide) => {
    try {
      return await database.batch(load, async (rows, session) => {
        const decision = await decide(rows, session);
        if (!isLost) throw new NotCommitted();
        return decision;
      });
    } catch (error) {
      if (!(error instanceof NotCommitted)) throw error;
      isLost = true;
      await meanwhile();
      throw Object.assign(new Error("Connection lost"), { code: "PROTOCOL_CONNECTION_LOST" });
    }
  };
  return { ...database, batch };
}

const databases = await Promise.all(
  engines().map(async (engine) => ({
    engine,
    database: await testDatabase(engine, "wallet", [eventsMigration, effectsMigration]),
  })),
);

for (const { engine, database } of databases) {
  const events = [1n, 2n, 3n].map(registered);
  const effects = async () => {
    const rows = await database.select({ sql: "SELECT user_id FROM effects ORDER BY user_id", values: [] });
    return rows.map((row) => row.user_id);
  };

  test.beforeEach(() =>
    database.commit(
      ["inbox", "failed_events", "effects"].map((table) => ({ sql: `DELETE FROM ${table}`, values: [] })),
    ),
  );

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(
    `events that come together with others that had their effects, and twice, have theirs once on ${engine.name}`,
    async (t) => {
      const one = subscriptionOn(database);
      await one.deliver(events.slice(1, 2));
      await one.deliver([...events, ...events]);
      t.deepEqual(await effects(), [1n, 2n, 3n]);
    },
  );

  test.serial(
    `an event that is being retried has no effect when it comes again, and those beside it have on ${engine.name}`,
    async (t) => {
      const [, retried] = events;
      if (!retried) throw new Error("There is no such event");
      const failed = { consumer: consumer.name, event: retried, error: "", attempts: 1, nextAttemptAt: 0n, deadAt: 0n };
      await new FailedEvents(database).keep(failed);
      await subscriptionOn(database).deliver(events);
      t.deepEqual(await effects(), [1n, 3n]);
      t.true(await retriesOn(database).retry(failed));
      t.deepEqual(await effects(), [1n, 2n, 3n]);
    },
  );

  for (const count of [1, 3]) {
    test.serial(
      `${count} events whose commit is lost have their effects, though another replica has had one meanwhile, on ${engine.name}`,
      async (t) => {
        const other = subscriptionOn(database);
        const one = subscriptionOn(losingFirstCommit(database, () => other.deliver(events.slice(0, 1))));
        await one.deliver(events.slice(0, count));
        t.deepEqual(await effects(), [1n, 2n, 3n].slice(0, count));
      },
    );

    test.serial(
      `${count} events the answer of whose commit is lost have their effects once on ${engine.name}`,
      async (t) => {
        const lossy = new LossyDatabase(database);
        lossy.toLose = 1;
        await subscriptionOn(lossy.database).deliver(events.slice(0, count));
        t.is(lossy.toLose, 0);
        t.deepEqual(await effects(), [1n, 2n, 3n].slice(0, count));
      },
    );
  }
}
