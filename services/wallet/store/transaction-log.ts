import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { placeholders } from "../../platform/database/statements.ts";
import type { Key, Paging } from "../../platform/paging.ts";
import type { Wallet } from "../domain/account.ts";
import type { TransferType } from "../domain/transfer.ts";

/** Which lines of a member's log. */
export interface LogFilter {
  readonly type: TransferType | undefined;
  /** Microseconds since 1970, both included. */
  readonly from: bigint | undefined;
  readonly to: bigint | undefined;
}

/** One line: an entry of a wallet, and its transfer's reference. */
export interface LogLine {
  readonly walletId: bigint;
  readonly sequence: bigint;
  readonly currency: string;
  /** Microseconds since 1970. */
  readonly createdAt: bigint;
  readonly transferNumber: bigint;
  readonly type: TransferType;
  /** Above zero for a credit. */
  readonly amount: bigint;
  readonly balanceAfter: bigint;
  readonly reference: string;
}

/** What came in and out of a member's wallets. */
export class TransactionLog {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** How many lines; without a filter, in constant time. */
  async count(wallets: readonly Wallet[], filter: LogFilter): Promise<bigint> {
    const conditions = matching(filter);
    if (conditions.length === 0) return wallets.reduce((sum, wallet) => sum + wallet.sequence, 0n);
    if (wallets.length === 0) return 0n;
    const [row] = await this.database.select({
      sql: `SELECT COUNT(*) AS line_count FROM entries e WHERE e.account_id IN (${placeholders(wallets.length)})
            ${conditions.map(({ sql }) => ` AND ${sql}`).join("")}`,
      values: [...wallets.map((wallet) => wallet.id), ...conditions.flatMap(({ values }) => values)],
    });
    return row?.line_count as bigint;
  }

  /** The lines of a page, the newest first, and one more where there are more. */
  async lines(wallets: readonly Wallet[], filter: LogFilter, paging: Paging): Promise<LogLine[]> {
    const skipped = paging.kind === "page" ? paging.offset : 0;
    const most = skipped + paging.perPage + 1;
    // Each wallet's index gives its own newest; together they hold the newest of all.
    const perWallet = await Promise.all(wallets.map((wallet) => this.linesOf(wallet, filter, paging, most)));
    return perWallet.flat().sort(newestFirst).slice(skipped, most);
  }

  private async linesOf(wallet: Wallet, filter: LogFilter, paging: Paging, limit: number): Promise<LogLine[]> {
    const conditions = [...matching(filter), ...(paging.kind === "cursor" ? [olderThan(paging.after, wallet)] : [])];
    const rows = await this.database.select({
      sql: `SELECT e.account_id, e.sequence, e.created_at, e.transfer_number, e.type, e.amount, e.balance_after, t.reference
            FROM entries e JOIN transfers t ON t.number = e.transfer_number
            WHERE e.account_id = ?${conditions.map(({ sql }) => ` AND ${sql}`).join("")}
            ORDER BY e.created_at DESC, e.sequence DESC LIMIT ?`,
      values: [wallet.id, ...conditions.flatMap(({ values }) => values), BigInt(limit)],
    });
    return rows.map((row) => lineOf(row, wallet.currency));
  }
}

/** What the log is sorted by: the instant, then the wallet, then the place in it. */
export function logKey({ createdAt, walletId, sequence }: LogLine): Key {
  return [createdAt, walletId, sequence];
}

/** A wallet's lines that come after a place in the log of all wallets. */
function olderThan([createdAt = 0n, walletId = 0n, sequence = 0n]: Key, wallet: Wallet): Statement {
  if (wallet.id < walletId) return { sql: "e.created_at <= ?", values: [createdAt] };
  if (wallet.id > walletId) return { sql: "e.created_at < ?", values: [createdAt] };
  return {
    sql: "e.created_at <= ? AND (e.created_at < ? OR e.sequence < ?)",
    values: [createdAt, createdAt, sequence],
  };
}

function matching({ type, from, to }: LogFilter): Statement[] {
  const conditions: Statement[] = [];
  if (type !== undefined) conditions.push({ sql: "e.type = ?", values: [type] });
  if (from !== undefined) conditions.push({ sql: "e.created_at >= ?", values: [from] });
  if (to !== undefined) conditions.push({ sql: "e.created_at <= ?", values: [to] });
  return conditions;
}

function newestFirst(a: LogLine, b: LogLine): number {
  const keyOfB = logKey(b);
  const index = logKey(a).findIndex((part, place) => part !== keyOfB[place]);
  return (logKey(a)[index] ?? 0n) > (keyOfB[index] ?? 0n) ? -1 : 1;
}

function lineOf(row: Row, currency: string): LogLine {
  return {
    walletId: row.account_id as bigint,
    sequence: row.sequence as bigint,
    currency,
    createdAt: row.created_at as bigint,
    transferNumber: row.transfer_number as bigint,
    type: row.type as TransferType,
    amount: row.amount as bigint,
    balanceAfter: row.balance_after as bigint,
    reference: row.reference as string,
  };
}
