import test from "ava";
import { pino } from "pino";
import type { Database } from "../platform/database/database.ts";
import { InProcessTransport } from "../platform/events/in-process-transport.ts";
import { HostedService } from "../platform/hosted-service.ts";
import { Dispatcher } from "../platform/rpc/dispatcher.ts";
import { MeshClients } from "../platform/rpc/mesh-clients.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { type Engine, engines, testConfig } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import type { Payer } from "./domain/order.ts";
import { abandon, begin, undone } from "./domain/steps.ts";
import { openOrderLane } from "./order-lane.ts";
import { payment } from "./service.ts";

const day = 86_400_000_000n;
const log = pino({ level: "silent" });

for (const engine of engines()) {
  test(`what was never placed is forgotten a day after, without a look at all orders (${engine.name})`, async (t) => {
    const { service, database, statements } = await openPayment(engine);
    t.teardown(async () => {
      await service.stop();
      await service.close();
      await engine.remove();
    });
    const lane = openOrderLane(database);
    const fail = async (id: bigint, payer: Payer, at: bigint) => {
      const wanted = { id, requestId: `request ${id}`, userId: 7n, payer, couponId: undefined, expireAfterMs: 60_000 };
      await lane.begin(begin(wanted, at));
      await lane.take({ id, step: (order) => abandon(order, at) });
      await lane.take({ id, step: (order) => undone(order, at) });
    };
    await fail(1n, { method: "balance" }, now() - day);
    await fail(2n, { method: "balance" }, now() - day + 60_000_000n);
    await fail(3n, { method: "gift_card", giftCardId: 9n, cardAmount: 700n }, now() - 9n * day);
    service.start();
    const known = async () => (await database.select({ sql: "SELECT id FROM orders", values: [] })).map(({ id }) => id);
    await eventually(async () => (await known()).length === 2);
    t.deepEqual((await known()).toSorted(), [2n, 3n]);

    if (engine.name !== "SQLite") return;
    for (const sql of statements) {
      const values = Array<null>(sql.split("?").length - 1).fill(null);
      const plan = await database.select({ sql: `EXPLAIN QUERY PLAN ${sql}`, values });
      t.false(
        plan.some(({ detail }) => /^SCAN (orders|order_items)$/.test(String(detail))),
        sql,
      );
    }
  });
}

/** Opens the service by itself, and listens to what its workers ask of its database. */
async function openPayment(engine: Engine) {
  const config = testConfig(engine);
  const dispatcher = new Dispatcher({ log });
  const clients = new MeshClients({ config, dispatcher, log });
  const opened = Promise.withResolvers<Database>();
  const statements = new Set<string>();
  const definition: ServiceDefinition = {
    ...payment,
    create: (given) => {
      opened.resolve(given.database);
      return payment.create({ ...given, database: listeningTo(given.database, statements) });
    },
  };
  const service = await HostedService.open(definition, { config, clients, transport: new InProcessTransport(), log });
  return { service, database: await opened.promise, statements };
}

function listeningTo(database: Database, statements: Set<string>): Database {
  return {
    ...database,
    select: (statement) => {
      statements.add(statement.sql);
      return database.select(statement);
    },
    commit: (all) => {
      for (const { sql } of all) statements.add(sql);
      return database.commit(all);
    },
    write: (all, options) => {
      for (const { sql } of all) statements.add(sql);
      return database.write(all, options);
    },
  };
}
