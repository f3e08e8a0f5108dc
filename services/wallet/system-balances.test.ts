import test from "ava";
import { mostMinorUnits } from "../platform/money.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { now } from "../platform/time.ts";
import { auditLedger } from "./store/audit.ts";
import { migrations } from "./store/migrations.ts";
import { putDownSystemBalances, systemBalances } from "./store/system-balances.ts";
import { ledgerOn, transferCommand, walletOf } from "./testing/ledgers.ts";

const threeHours = 3n * 3_600n * 1_000_000n;

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "wallet", migrations);
  return { engine, database, ledger: ledgerOn(database).ledger };
}

for (const { engine, database, ledger } of await Promise.all(engines().map(setUp))) {
  /** As if everything had happened three hours earlier. */
  const setBack = () =>
    database.transaction((tx) =>
      tx.run(
        ["transfers", "entries"].map((table) => ({
          sql: `UPDATE ${table} SET created_at = created_at - ?`,
          values: [threeHours],
        })),
      ),
    );

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(
    `what is put down counts transfers from before their account, by another clock, on ${engine.name}`,
    async (t) => {
      await ledger.transfer(transferCommand({ amount: 777n }));
      await ledger.void("never");
      // The account was opened by a replica whose clock is three hours ahead of the one that made the transfer.
      await setBack();
      await putDownSystemBalances(database);
      const balances = await database.snapshot((session) => systemBalances(session, now()));
      t.like(balances, [{ kind: "promotions", currency: "SAR", balance: -777n }]);
      t.deepEqual((await auditLedger(database)).differences, []);
    },
  );

  test.serial(`the house's balances are exact beyond 64 bits on ${engine.name}`, async (t) => {
    const before = await database.snapshot((session) => systemBalances(session, now()));
    const promotionsBefore = before.find(({ kind }) => kind === "promotions")?.balance ?? 0n;
    // 1,024 of the largest amounts are 2^63: each goes into a wallet, and out of it again.
    const moves = Array.from({ length: 1_100 }, () => [
      transferCommand({ credit: walletOf(2n), amount: mostMinorUnits }),
      transferCommand({ debit: walletOf(2n), credit: { kind: "sales" }, amount: mostMinorUnits, type: "payment" }),
    ]).flat();
    await Promise.all(moves.map((one) => ledger.transfer(one)));
    const total = 1_100n * mostMinorUnits;
    t.true(total > 2n ** 63n);

    const expected = [
      { kind: "promotions", balance: promotionsBefore - total },
      { kind: "sales", balance: total },
    ] as const;
    t.like(await database.snapshot((session) => systemBalances(session, now())), expected);
    t.deepEqual((await auditLedger(database)).differences, []);

    // And so they are once they are put down.
    await setBack();
    await database.transaction((tx) => tx.run([{ sql: "DELETE FROM system_balances", values: [] }]));
    await putDownSystemBalances(database);
    t.like(await database.snapshot((session) => systemBalances(session, now())), expected);
    t.deepEqual((await auditLedger(database)).differences, []);
  });

  test.serial(`what is stamped with the very instant that is put down counts once, on ${engine.name}`, async (t) => {
    const before = await database.snapshot((session) => systemBalances(session));
    const twoHoursAgo = now() - 2n * (threeHours / 3n);
    const fullHour = twoHoursAgo - (twoHoursAgo % (threeHours / 3n)) + threeHours / 3n;
    await database.transaction((tx) =>
      tx.run([
        { sql: "UPDATE transfers SET created_at = ?", values: [fullHour] },
        { sql: "DELETE FROM system_balances", values: [] },
      ]),
    );
    await putDownSystemBalances(database);
    // Not the last full hour: what is stamped with that may still come.
    const rows = await database.select({ sql: "SELECT DISTINCT as_of FROM system_balances", values: [] });
    t.deepEqual(rows, [{ as_of: fullHour }]);
    t.deepEqual(await database.snapshot((session) => systemBalances(session)), before);
    t.deepEqual(await database.snapshot((session) => systemBalances(session, fullHour - 1n)), []);
    t.deepEqual(await database.snapshot((session) => systemBalances(session, fullHour)), before);
    t.deepEqual((await auditLedger(database)).differences, []);
  });

  test.serial(`the audit finds a balance that was not put down on ${engine.name}`, async (t) => {
    await database.transaction((tx) => tx.run([{ sql: "UPDATE system_balances SET balance = 0", values: [] }]));
    t.is((await auditLedger(database)).differences[0]?.check, "snapshot");
  });
}
