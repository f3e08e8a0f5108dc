import type { Database, Row } from "../../platform/database/database.ts";
import type { Key, Paging } from "../../platform/paging.ts";
import type { Instant } from "../../platform/time.ts";
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

/** Entries of one wallet, by their sequence, both included; none where first is above last. */
interface Range {
  readonly wallet: Wallet;
  readonly first: bigint;
  readonly last: bigint;
}

/** What came in and out of a member's wallets. */
export class TransactionLog {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** How many lines; unless a type is asked for, in constant time. */
  async count(wallets: readonly Wallet[], filter: LogFilter): Promise<bigint> {
    const counts = wallets.map(async (wallet) => this.countIn(await this.rangeOf(wallet, filter), filter));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0n);
  }

  /** The lines of a page, the newest first, and one more where there are more. */
  async lines(wallets: readonly Wallet[], filter: LogFilter, paging: Paging): Promise<LogLine[]> {
    const skipped = paging.kind === "page" ? paging.offset : 0;
    const most = skipped + paging.perPage + 1;
    // Each wallet gives its own newest; together they hold the newest of all.
    const perWallet = wallets.map(async (wallet) => {
      const range = await this.rangeOf(wallet, filter, paging.kind === "cursor" ? paging.after : undefined);
      return this.linesIn(range, filter, most);
    });
    return (await Promise.all(perWallet)).flat().sort(newestFirst).slice(skipped, most);
  }

  /** The entries within the filter's time and, where a place in the log of all wallets is given, after it. */
  private async rangeOf(wallet: Wallet, { from, to }: LogFilter, after?: Key): Promise<Range> {
    const first = from === undefined ? 1n : (await this.lastAt(wallet, from - 1n)) + 1n;
    const ends = await Promise.all([
      to === undefined ? wallet.sequence : this.lastAt(wallet, to),
      after === undefined ? wallet.sequence : this.lastOlderThan(after, wallet),
    ]);
    return { wallet, first, last: ends[0] < ends[1] ? ends[0] : ends[1] };
  }

  private async lastOlderThan([createdAt = 0n, walletId = 0n, sequence = 0n]: Key, wallet: Wallet): Promise<bigint> {
    if (wallet.id === walletId) return sequence - 1n;
    return this.lastAt(wallet, wallet.id < walletId ? createdAt : createdAt - 1n);
  }

  /** The sequence of a wallet's last entry at an instant or before, 0 where there is none: found by halving. */
  private async lastAt(wallet: Wallet, instant: Instant): Promise<bigint> {
    let low = 0n;
    let high = wallet.sequence;
    while (low < high) {
      const middle = (low + high + 1n) / 2n;
      const [row] = await this.database.select({
        sql: "SELECT created_at FROM entries WHERE account_id = ? AND sequence = ?",
        values: [wallet.id, middle],
      });
      if ((row?.created_at as bigint) <= instant) low = middle;
      else high = middle - 1n;
    }
    return low;
  }

  private async countIn({ wallet, first, last }: Range, { type }: LogFilter): Promise<bigint> {
    if (first > last) return 0n;
    if (type === undefined) return last - first + 1n;
    const [row] = await this.database.select({
      sql: "SELECT COUNT(*) AS line_count FROM entries WHERE account_id = ? AND sequence BETWEEN ? AND ? AND type = ?",
      values: [wallet.id, first, last, type],
    });
    return row?.line_count as bigint;
  }

  private async linesIn({ wallet, first, last }: Range, { type }: LogFilter, limit: number): Promise<LogLine[]> {
    if (first > last) return [];
    const rows = await this.database.select({
      sql: `SELECT e.account_id, e.sequence, e.created_at, e.transfer_number, e.type, e.amount, e.balance_after, t.reference
            FROM entries e JOIN transfers t ON t.number = e.transfer_number
            WHERE e.account_id = ? AND e.sequence BETWEEN ? AND ?${type === undefined ? "" : " AND e.type = ?"}
            ORDER BY e.sequence DESC LIMIT ?`,
      values: [wallet.id, first, last, ...(type === undefined ? [] : [type]), BigInt(limit)],
    });
    return rows.map((row) => lineOf(row, wallet.currency));
  }
}

/** What the log is sorted by: the instant, then the wallet, then the place in it. */
export function logKey({ createdAt, walletId, sequence }: LogLine): Key {
  return [createdAt, walletId, sequence];
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
