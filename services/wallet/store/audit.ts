import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database, Row, Session, Value } from "../../platform/database/database.ts";
import { exactSum, exactSumOf } from "./exact-sum.ts";

/** Rows that one query of the audit looks at, so that it never holds up others for long. */
const chunkSize = 5_000n;

/** What an audit lists of what is wrong. */
const mostDifferences = 100;

/** One thing that does not add up. */
export interface Difference {
  readonly check: "balance" | "sequence" | "chain" | "transfer" | "currency" | "snapshot";
  readonly subject: string;
  readonly expected: string;
  readonly actual: string;
}

export interface Audit {
  readonly accounts: number;
  readonly transfers: number;
  readonly differences: readonly Difference[];
}

/** Checks the whole ledger against itself, on one unchanging view of it. */
export function auditLedger(database: Database): Promise<Audit> {
  return database.snapshot(async (session) => {
    const audit = new LedgerAudit(session);
    const transfers = await audit.countTransfers();
    await audit.checkWallets();
    await audit.checkTransfers(transfers);
    await audit.checkCurrencies();
    await audit.checkSnapshots();
    return {
      accounts: Number(await audit.value("SELECT COUNT(*) AS value FROM accounts")),
      transfers: Number(transfers),
      differences: audit.differences.slice(0, mostDifferences),
    };
  });
}

class LedgerAudit {
  readonly differences: Difference[] = [];
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  async value(sql: string): Promise<Value> {
    const [rows] = await this.session.run([{ sql, values: [] }]);
    return rows?.[0]?.value ?? 0n;
  }

  /** Voids are none: they moved nothing. */
  async countTransfers(): Promise<bigint> {
    let transfers = 0n;
    await this.inChunks("SELECT MAX(number) AS value FROM transfers", async (range) => {
      const [row] = await this.rows(
        "SELECT COUNT(*) AS value FROM transfers WHERE number > ? AND number <= ? AND type <> 'void'",
        range,
      );
      transfers += row?.value as bigint;
    });
    return transfers;
  }

  /** Every wallet's balance is the fold of its entries; they have no gap, and each follows from the one before. */
  async checkWallets(): Promise<void> {
    await this.inChunks("SELECT MAX(id) AS value FROM accounts", async (range) => {
      const accounts = await this.rows(
        `SELECT a.id, a.balance, a.sequence, COALESCE(SUM(e.amount), 0) AS total, COUNT(e.sequence) AS entry_count
         FROM accounts a LEFT JOIN entries e ON e.account_id = a.id
         WHERE a.id > ? AND a.id <= ? AND a.kind = 'wallet'
         GROUP BY a.id, a.balance, a.sequence HAVING a.balance <> total OR a.sequence <> entry_count`,
        range,
      );
      for (const { id, balance, sequence, total, entry_count } of accounts) {
        if (balance !== total) this.add("balance", id, total, balance);
        if (sequence !== entry_count) this.add("sequence", id, entry_count, sequence);
      }
      const entries = await this.rows(
        `SELECT * FROM (
           SELECT e.account_id, e.sequence, e.balance_after,
             SUM(e.amount) OVER (PARTITION BY e.account_id ORDER BY e.sequence) AS total,
             ROW_NUMBER() OVER (PARTITION BY e.account_id ORDER BY e.sequence) AS place
           FROM entries e JOIN accounts a ON a.id = e.account_id
           WHERE a.id > ? AND a.id <= ? AND a.kind = 'wallet'
         ) folded WHERE balance_after IS NULL OR balance_after <> total OR sequence <> place LIMIT ${mostDifferences}`,
        range,
      );
      for (const { account_id, sequence, balance_after, total, place } of entries) {
        this.add("chain", `${account_id}/${place}`, `${total}/${place}`, `${balance_after}/${sequence}`);
      }
      await this.checkEntriesOfWallets(range);
    });
  }

  /** Every entry of a wallet is one side of its transfer, and the only one there. */
  private async checkEntriesOfWallets(range: readonly Value[]): Promise<void> {
    const strays = await this.rows(
      `SELECT e.account_id, e.sequence, e.amount, t.amount AS transfer_amount
       FROM accounts a JOIN entries e ON e.account_id = a.id LEFT JOIN transfers t ON t.number = e.transfer_number
       WHERE a.id > ? AND a.id <= ? AND a.kind = 'wallet' AND (t.number IS NULL OR NOT (
         (e.account_id = t.debit_account_id AND e.amount = -t.amount AND e.balance_after = t.debit_balance_after) OR
         (e.account_id = t.credit_account_id AND e.amount = t.amount AND e.balance_after = t.credit_balance_after)))
       LIMIT ${mostDifferences}`,
      range,
    );
    for (const { account_id, sequence, amount, transfer_amount } of strays) {
      this.add("transfer", `${account_id}/${sequence}`, transfer_amount, amount);
    }
    const twice = await this.rows(
      `SELECT a.id, COUNT(*) AS entry_count, COUNT(DISTINCT e.transfer_number) AS transfer_count
       FROM accounts a JOIN entries e ON e.account_id = a.id WHERE a.id > ? AND a.id <= ? AND a.kind = 'wallet'
       GROUP BY a.id HAVING entry_count <> transfer_count`,
      range,
    );
    for (const { id, entry_count, transfer_count } of twice) this.add("transfer", id, transfer_count, entry_count);
  }

  /** Every side of a transfer that is on one of the house's accounts has its entry there; and there are no others. */
  async checkTransfers(count: bigint): Promise<void> {
    for (const [side, amount] of [
      ["debit", "-t.amount"],
      ["credit", "t.amount"],
    ]) {
      await this.inChunks("SELECT MAX(number) AS value FROM transfers", async (range) => {
        const transfers = await this.rows(
          `SELECT t.number, ${amount} AS expected, e.amount FROM transfers t
           JOIN accounts a ON a.id = t.${side}_account_id AND a.kind <> 'wallet'
           LEFT JOIN entries e ON e.account_id = a.id AND e.sequence = t.number AND e.transfer_number = t.number
           WHERE t.number > ? AND t.number <= ? AND (e.amount IS NULL OR e.amount <> ${amount})`,
          range,
        );
        for (const { number, expected, amount } of transfers) this.add("transfer", number, expected, amount);
      });
    }
    const entries = (await this.value("SELECT COUNT(*) AS value FROM entries")) as bigint;
    if (entries !== 2n * count) this.add("transfer", "all", `${2n * count} entries`, `${entries} entries`);
  }

  /** All postings sum to zero in every currency. */
  async checkCurrencies(): Promise<void> {
    const sums = await this.rows(
      `SELECT a.currency, ${exactSum("e.amount")} FROM entries e JOIN accounts a ON a.id = e.account_id
       GROUP BY a.currency`,
      [],
    );
    for (const sum of sums) {
      const total = exactSumOf(sum);
      if (total !== 0n) this.add("currency", sum.currency, 0n, total);
    }
  }

  /** The newest balances that were put down for the house's accounts are the sums of their entries up to then. */
  async checkSnapshots(): Promise<void> {
    const asOf = await this.value("SELECT MAX(as_of) AS value FROM system_balances");
    const snapshots = await this.rows(
      `SELECT a.id, COALESCE(s.balance, '0') AS balance, ${exactSum("e.amount")}
       FROM accounts a LEFT JOIN system_balances s ON s.account_id = a.id AND s.as_of = ?
       LEFT JOIN entries e ON e.account_id = a.id AND e.created_at <= ?
       WHERE a.user_id = 0 GROUP BY a.id, s.balance`,
      [asOf, asOf],
    );
    for (const snapshot of snapshots) {
      const total = exactSumOf(snapshot);
      const putDown = BigInt(snapshot.balance as string);
      if (putDown !== total) this.add("snapshot", `${snapshot.id}@${asOf}`, total, putDown);
    }
  }

  private async inChunks(greatest: string, check: (range: readonly Value[]) => Promise<void>): Promise<void> {
    const last = (await this.value(greatest)) as bigint;
    for (let start = 0n; start < last && this.differences.length < mostDifferences; start += chunkSize) {
      await check([start, start + chunkSize]);
      await nextTurn();
    }
  }

  private async rows(sql: string, values: readonly Value[]): Promise<Row[]> {
    return (await this.session.run([{ sql, values }]))[0] ?? [];
  }

  private add(check: Difference["check"], subject: Value | undefined, expected: unknown, actual: unknown): void {
    this.differences.push({ check, subject: String(subject), expected: String(expected), actual: String(actual) });
  }
}
