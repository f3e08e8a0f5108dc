import test from "ava";
import { pino } from "pino";
import type { Database } from "../platform/database/database.ts";
import { Unavailable } from "../platform/refusal.ts";
import { Call } from "../platform/rpc/call.ts";
import { failureOf } from "../platform/rpc/internal-error.ts";
import { sqliteEngine, testDatabase } from "../platform/testing/engines.ts";
import { auditLedger } from "./store/audit.ts";
import { migrations } from "./store/migrations.ts";
import { ledgerOn, transferCommand, walletOf } from "./testing/ledgers.ts";

const atOnce = 64;

/** Has the file grow by so many pages of 4 KiB and no more, as on a disk that is nearly full. */
async function leaveRoom(database: Database, pages: bigint): Promise<void> {
  await database.transaction(async (tx) => {
    const [[row] = []] = await tx.run([{ sql: "PRAGMA page_count", values: [] }]);
    await tx.run([{ sql: `PRAGMA max_page_count = ${(row?.page_count as bigint) + pages}`, values: [] }]);
  });
}

test("on a full disk transfers are refused for now, those that were answered are there, and with room it goes on", async (t) => {
  const engine = sqliteEngine();
  t.teardown(() => engine.remove());
  const database = await testDatabase(engine, "wallet", migrations);
  t.teardown(() => database.close());
  const { ledger, accounts } = ledgerOn(database);
  const transfer = () => ledger.transfer(transferCommand({ credit: walletOf(1n), amount: 1n }));
  await transfer();

  await leaveRoom(database, 20n);
  let made = 1n;
  let refused: unknown;
  while (refused === undefined) {
    const outcomes = await Promise.allSettled(Array.from({ length: atOnce }, transfer));
    made += BigInt(outcomes.filter(({ status }) => status === "fulfilled").length);
    refused = outcomes.find((outcome) => outcome.status === "rejected")?.reason;
  }
  const call = new Call({ requestId: "a request" });
  t.true(failureOf(refused, "Transfer", call, pino({ level: "silent" })) instanceof Unavailable);
  t.is((await accounts.walletsOf(1n))[0]?.balance, made);

  await leaveRoom(database, 1_000n);
  await transfer();
  t.is((await accounts.walletsOf(1n))[0]?.balance, made + 1n);
  t.deepEqual((await auditLedger(database)).differences, []);
});
