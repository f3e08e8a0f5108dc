import type { Database, Session } from "../../platform/database/database.ts";
import { upsertInto } from "../../platform/database/statements.ts";
import { type Instant, microsecondsPerSecond, now } from "../../platform/time.ts";
import type { SystemKind } from "../domain/account.ts";
import { exactSum, exactSumOf } from "./exact-sum.ts";

const hour = 3_600n * microsecondsPerSecond;

/**
 * By when every transfer that is stamped with an instant has been committed, however far the clocks of the replicas are
 * apart. Should a clock be set back by more, the audit tells; to delete the rows that it names is the repair.
 */
const settlingTime = 3_600n * microsecondsPerSecond;

/** Later than any transfer is stamped with. */
const endOfTime: Instant = 2n ** 63n - 1n;

/** What one of the house's accounts held at an instant, in minor units. */
export interface SystemBalance {
  readonly kind: SystemKind;
  readonly currency: string;
  readonly balance: bigint;
}

/**
 * The balances of the house's accounts at an instant: those that were put down last before it, and the transfers since.
 * An account that nothing was moved on is left out. Where no instant is given, all transfers that there are count: which of
 * them are later than now, this machine's clock cannot tell, since others have stamped them.
 */
export async function systemBalances(session: Session, asOf = endOfTime): Promise<(SystemBalance & { id: bigint })[]> {
  const [newest] = await session.run([
    { sql: "SELECT COALESCE(MAX(as_of), 0) AS as_of FROM system_balances WHERE as_of <= ?", values: [asOf] },
  ]);
  const putDownAt = newest?.[0]?.as_of as bigint;
  const since = (side: string) => ({
    sql: `SELECT ${side}_account_id AS id, ${exactSum("amount")} FROM transfers
          WHERE created_at > ? AND created_at <= ? GROUP BY ${side}_account_id`,
    values: [putDownAt, asOf],
  });
  const [accounts, putDown, credits, debits] = await session.run([
    { sql: "SELECT id, kind, currency FROM accounts WHERE user_id = 0 ORDER BY currency, kind", values: [] },
    { sql: "SELECT account_id AS id, balance FROM system_balances WHERE as_of = ?", values: [putDownAt] },
    since("credit"),
    since("debit"),
  ]);
  const before = new Map((putDown ?? []).map(({ id, balance }) => [id, BigInt(balance as string)]));
  const credited = new Map((credits ?? []).map((row) => [row.id, exactSumOf(row)]));
  const debited = new Map((debits ?? []).map((row) => [row.id, exactSumOf(row)]));
  return (accounts ?? [])
    .filter(({ id }) => [before, credited, debited].some((amounts) => amounts.has(id)))
    .map(({ id, kind, currency }) => ({
      id: id as bigint,
      kind: kind as SystemKind,
      currency: currency as string,
      balance: (before.get(id) ?? 0n) + (credited.get(id) ?? 0n) - (debited.get(id) ?? 0n),
    }));
}

/** Puts the balances at the last full hour down, so that no sum goes back further. */
export async function putDownSystemBalances(database: Database): Promise<void> {
  const settled = now() - settlingTime;
  const asOf = settled - (settled % hour);
  const balances = await database.snapshot((session) => systemBalances(session, asOf));
  if (balances.length === 0) return;
  const rows = balances.map(({ id, balance }) => [id, asOf, String(balance)] as const);
  await database.write([
    upsertInto(database.dialect, "system_balances", ["account_id", "as_of", "balance"], rows, {
      key: ["account_id", "as_of"],
      update: [],
    }),
  ]);
}
