import test from "ava";
import { IdSequence } from "../platform/ids.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { now } from "../platform/time.ts";
import { Ledger } from "./ledger.ts";
import { Accounts } from "./store/accounts.ts";
import { auditLedger } from "./store/audit.ts";
import { migrations } from "./store/migrations.ts";
import { putDownSystemBalances, systemBalances } from "./store/system-balances.ts";

const threeHours = 3n * 3_600n * 1_000_000n;

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "wallet", migrations);
  const accounts = new Accounts(database, new IdSequence(database, "accounts"));
  return { engine, database, ledger: new Ledger(database, accounts, new IdSequence(database, "transfers")) };
}

for (const { engine, database, ledger } of await Promise.all((await engines()).map(setUp))) {
  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(
    `what is put down counts transfers from before their account, by another clock, on ${engine.name}`,
    async (t) => {
      await ledger.transfer({
        id: "early",
        debit: { kind: "promotions" },
        credit: { kind: "wallet", userId: 1n },
        amount: 777n,
        currency: "SAR",
        type: "gift_card_redeem",
        reference: "",
      });
      // The account was opened by a replica whose clock is three hours ahead of the one that made the transfer.
      await database.transaction((tx) =>
        tx.run(
          ["transfers", "entries"].map((table) => ({
            sql: `UPDATE ${table} SET created_at = created_at - ?`,
            values: [threeHours],
          })),
        ),
      );
      await putDownSystemBalances(database);
      const balances = await database.snapshot((session) => systemBalances(session, now()));
      t.like(balances, [{ kind: "promotions", currency: "SAR", balance: -777n }]);
      t.deepEqual((await auditLedger(database)).differences, []);
    },
  );

  test.serial(`the audit finds a balance that was not put down on ${engine.name}`, async (t) => {
    await database.transaction((tx) => tx.run([{ sql: "UPDATE system_balances SET balance = 0", values: [] }]));
    t.is((await auditLedger(database)).differences[0]?.check, "snapshot");
  });
}
