import { IdSequence } from "../services/platform/ids.ts";
import { mysqlEngine, testDatabase } from "../services/platform/testing/engines.ts";
import { Ledger, transferNumbersAtOnce } from "../services/wallet/ledger.ts";
import { Accounts } from "../services/wallet/store/accounts.ts";
import { auditLedger } from "../services/wallet/store/audit.ts";
import { migrations } from "../services/wallet/store/migrations.ts";
import { PlainLedger } from "./baselines/knex-for-update.ts";
import { type Comparison, compare, type Result } from "./comparison.ts";
import { closedLoop } from "./load.ts";

const roundMs = 2_000;
const wallets = 10_000n;
const hotWallet = 1n;
const baseline = "knex FOR UPDATE";

/** Transfers on a durable MySQL: lanes against a transaction each. Each side has a database of its own. */
export async function benchLedger(): Promise<Result[]> {
  const sides = await Promise.all([openSide(), openSide()]);
  const [ours, theirs] = sides;
  const [durable] = await ours.database.select({ sql: "SELECT @@innodb_flush_log_at_trx_commit AS mode", values: [] });
  if (durable?.mode !== 1n)
    throw new Error("The server does not flush at every commit: innodb_flush_log_at_trx_commit");

  const ledger = new Ledger(
    ours.database,
    ours.accounts,
    new IdSequence(ours.database, "transfers", transferNumbersAtOnce),
  );
  const plain = new PlainLedger(theirs.database, new IdSequence(theirs.database, "transfers", transferNumbersAtOnce));
  let run = 0;
  const comparison = (
    workload: string,
    inFlight: number,
    pick: () => bigint,
    aim: Pick<Comparison, "figure" | "aim">,
  ) => ({
    workload,
    baseline,
    ...aim,
    runOurs: () => {
      const name = ++run;
      return closedLoop(inFlight, roundMs, (place, turn) =>
        ledger.transfer({
          id: `${name}-${place}-${turn}`,
          debit: { kind: "top_ups" },
          credit: { kind: "wallet", userId: pick() },
          amount: 1n,
          currency: "SAR",
          type: "charge",
          reference: "",
        }),
      );
    },
    runBaseline: () => {
      const name = ++run;
      const idOf = (userId: bigint) => theirs.accounts.remembered({ kind: "wallet", userId }, "SAR")?.id ?? 0n;
      const topUps = theirs.accounts.remembered({ kind: "top_ups" }, "SAR")?.id ?? 0n;
      return closedLoop(inFlight, roundMs, (place, turn) =>
        plain.charge(`${name}-${place}-${turn}`, idOf(pick()), topUps, 1n),
      );
    },
  });
  const hot = () => hotWallet;
  const any = () => 1n + BigInt(Math.floor(Math.random() * Number(wallets)));

  const results = [
    await compare(comparison("transfers, one hot wallet, 64 in flight", 64, hot, { figure: "rate", aim: 75 })),
    await compare(comparison("transfers, 10,000 wallets, 64 in flight", 64, any, { figure: "rate", aim: 12 })),
    await compare(comparison("transfers, one in flight", 1, any, { figure: "p50Ms", aim: 1.15 })),
  ];
  for (const { database, engine } of sides) {
    const { differences } = await auditLedger(database);
    if (differences.length > 0) throw new Error(`The audit found ${JSON.stringify(differences)}`);
    await database.close();
    await engine.remove();
  }
  return results;
}

async function openSide() {
  const engine = mysqlEngine();
  const database = await testDatabase(engine, "wallet", migrations);
  const accounts = new Accounts(database, new IdSequence(database, "accounts"));
  for (let first = 1n; first <= wallets; first += 500n) {
    const owners = Array.from({ length: 500 }, (_, i) => ({ kind: "wallet", userId: first + BigInt(i) }) as const);
    await accounts.open(owners.map((owner) => ({ owner, currency: "SAR" })));
  }
  await accounts.open([{ owner: { kind: "top_ups" }, currency: "SAR" }]);
  return { engine, database, accounts };
}
