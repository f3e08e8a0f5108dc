import type { Database, Session } from "../../platform/database/database.ts";
import { upsertInto } from "../../platform/database/statements.ts";
import { type Instant, microsecondsPerSecond, now } from "../../platform/time.ts";
import type { SystemKind } from "../domain/account.ts";

const hour = 3_600n * microsecondsPerSecond;

/** By when every transfer that was decided before an instant has been committed or given up. */
const settlingTime = 300n * microsecondsPerSecond;

/** What one of the house's accounts held at an instant, in minor units. */
export interface SystemBalance {
  readonly kind: SystemKind;
  readonly currency: string;
  readonly balance: bigint;
}

/**
 * The balances of the house's accounts at an instant: the newest balance that was put down before it, and the entries
 * since.
 */
export async function systemBalances(session: Session, asOf: Instant): Promise<(SystemBalance & { id: bigint })[]> {
  const [rows] = await session.run([
    {
      sql: `SELECT a.id, a.kind, a.currency, COALESCE(s.balance, 0) AS put_down,
              (SELECT COALESCE(SUM(e.amount), 0) FROM entries e
               WHERE e.account_id = a.id AND e.created_at > COALESCE(s.as_of, 0) AND e.created_at <= ?) AS since
            FROM accounts a
            LEFT JOIN system_balances s ON s.account_id = a.id
              AND s.as_of = (SELECT MAX(as_of) FROM system_balances WHERE account_id = a.id AND as_of <= ?)
            WHERE a.user_id = 0 AND a.created_at <= ? ORDER BY a.currency, a.kind`,
      values: [asOf, asOf, asOf],
    },
  ]);
  return (rows ?? []).map((row) => ({
    id: row.id as bigint,
    kind: row.kind as SystemKind,
    currency: row.currency as string,
    balance: (row.put_down as bigint) + (row.since as bigint),
  }));
}

/** Puts the balances at the last full hour down, so that no sum goes back further. */
export async function putDownSystemBalances(database: Database): Promise<void> {
  const settled = now() - settlingTime;
  const asOf = settled - (settled % hour);
  const balances = await database.snapshot((session) => systemBalances(session, asOf));
  if (balances.length === 0) return;
  const rows = balances.map(({ id, balance }) => [id, asOf, balance] as const);
  await database.transaction((tx) =>
    tx.run([
      upsertInto(database.dialect, "system_balances", ["account_id", "as_of", "balance"], rows, {
        key: ["account_id", "as_of"],
        update: [],
      }),
    ]),
  );
}
