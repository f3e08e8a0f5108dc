import test from "ava";
import type { Database } from "./database/database.ts";
import { Leases, leasesMigration } from "./leases.ts";
import { byClock } from "./testing/clocks.ts";
import { engines, testDatabase } from "./testing/engines.ts";
import { eventually } from "./testing/eventually.ts";

/** Work that goes on until it is told to end. */
function endless() {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>();
  const work = (lost: AbortSignal) => {
    begin(lost);
    return ended;
  };
  return { begun, end, work };
}

const found = engines();
const databases = await Promise.all(found.map((engine) => testDatabase(engine, "lease", [leasesMigration])));
test.after.always(async () => {
  for (const database of databases) await database.close();
  for (const engine of found) await engine.remove();
});

for (const database of databases) {
  test(`one at a time has a lease, and another once it is given back (${database.dialect})`, async (t) => {
    const [one, other] = [new Leases(database), new Leases(database)];
    const { begun, end, work } = endless();
    const held = one.during("once", work);
    await begun;
    t.false(await other.during("once", () => Promise.reject(new Error("two at a time"))));
    t.true(await other.during("another", async () => undefined));
    end();
    t.true(await held);
    t.true(await other.during("once", async () => undefined));
  });

  test(`a lease outlives its lifetime while the work goes on (${database.dialect})`, async (t) => {
    const leases = new Leases(database, 900);
    const { begun, end, work } = endless();
    const held = leases.during("long", work);
    const lost = await begun;
    const firstExpiry = await expiryOf("long");
    await eventually(async () => (await expiryOf("long")) > firstExpiry);
    t.false(lost.aborted);
    end();
    t.true(await held);
  });

  test(`a lease that its holder does not renew can be had, and the holder is told (${database.dialect})`, async (t) => {
    const { begun, end, work } = endless();
    const held = new Leases(database, 150).during("stolen", work);
    const lost = await begun;
    // Not renewed in time, as when the process was stopped for a while.
    await database.transaction((tx) =>
      tx.run([
        { sql: "UPDATE leases SET holder = 'another', expires_at = ? WHERE name = 'stolen'", values: [2n ** 62n] },
      ]),
    );
    await eventually(async () => lost.aborted);
    end();
    t.true(await held);
    t.is(await expiryOf("stolen"), 2n ** 62n, "the new holder's lease is not given back by the old one");
  });

  test(`a lease that cannot be renewed is its holder's until its time is over, and not after (${database.dialect})`, async (t) => {
    const lifetimeMs = 900;
    let isGone = false;
    const failing: Database = {
      ...database,
      transaction: (work) => (isGone ? Promise.reject(new Error("gone")) : database.transaction(work)),
    };
    const { begun, end, work } = endless();
    const held = new Leases(failing, lifetimeMs).during("unrenewed", work);
    const lost = await begun;
    isGone = true;
    const goneAt = performance.now();
    await eventually(async () => lost.aborted);
    // It may have been taken a while before that was known here, but has outlived the first renewals.
    t.true(performance.now() - goneAt > lifetimeMs / 2);
    end();
    t.true(await held);
  });

  test.serial(
    `a lease of a replica that has died can be had, though its clock was ahead (${database.dialect})`,
    async (t) => {
      const dead = { ...database, write: () => Promise.reject(new Error("dead")) };
      t.true(await byClock(3_600_000, () => new Leases(dead, 150).during("ahead", async () => undefined)));
      await eventually(() => new Leases(database).during("ahead", async () => undefined));
      t.pass();
    },
  );

  test(`a lease is given back when the work fails (${database.dialect})`, async (t) => {
    const leases = new Leases(database);
    await t.throwsAsync(
      leases.during("failing", () => Promise.reject(new Error("no"))),
      { message: "no" },
    );
    t.true(await leases.during("failing", async () => undefined));
  });

  test(`of 20 that want a lease at once, one has it (${database.dialect})`, async (t) => {
    const leases = new Leases(database);
    const { end, work } = endless();
    const wanting = Array.from({ length: 20 }, () => leases.during("wanted", work));
    const refused = await Promise.all(wanting.map((one) => Promise.race([one, undefined])));
    t.deepEqual(refused, Array(20).fill(undefined));
    let answered = 0;
    for (const one of wanting) void one.then(() => answered++);
    await eventually(async () => answered === 19);
    end();
    t.is((await Promise.all(wanting)).filter((had) => had).length, 1);
  });

  async function expiryOf(name: string): Promise<bigint> {
    const [row] = await database.select({ sql: "SELECT expires_at FROM leases WHERE name = ?", values: [name] });
    return row?.expires_at as bigint;
  }
}
