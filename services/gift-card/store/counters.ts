import { randomInt } from "node:crypto";
import type { Database, Row, Session, Statement, Value } from "../../platform/database/database.ts";
import { addTo, placeholders } from "../../platform/database/statements.ts";
import type { Count, CounterKind } from "../domain/counters.ts";

const half = 2n ** 32n;

/** How many rows one counter has: as many processes may add to it at once without any waiting. */
const shards = 16;

const columns = ["kind", "vendor_id", "currency", "part", "shard", "count", "upper_amount", "lower_amount"] as const;

/** Which counters to read. */
export interface CounterFilter {
  readonly kind: CounterKind;
  readonly vendorId?: bigint;
  /** All where undefined. */
  readonly currency?: string | undefined;
  /** At least one; all where undefined. */
  readonly parts?: readonly bigint[];
}

/** What is counted about cards, in the transaction of every change. */
export class CardCounters {
  private readonly database: Database;
  /** This process's own rows, for as long as it runs. */
  private readonly shard = BigInt(randomInt(shards));

  constructor(database: Database) {
    this.database = database;
  }

  /** What adds to counters, in the order that every transaction locks them. */
  adding(counts: readonly Count[]): Statement[] {
    if (counts.length === 0) return [];
    const rows = counts.map(({ kind, vendorId, currency, part, count, amount }) => [
      kind,
      vendorId,
      currency,
      part,
      this.shard,
      count,
      amount / half,
      amount % half,
    ]);
    const addition = { key: columns.slice(0, 5), add: columns.slice(5) };
    return [addTo(this.database.dialect, "card_counters", columns, rows, addition)];
  }

  /** One sum a counter; those that nothing was ever added to are not there. */
  async read(filter: CounterFilter): Promise<Count[]> {
    return (await this.database.select(selectCounters(filter))).map(countOf);
  }

  /** How many cards are counted, of all counters together. */
  async total(filter: CounterFilter): Promise<bigint> {
    return (await this.read(filter)).reduce((sum, { count }) => sum + count, 0n);
  }
}

/** Every counter of every kind, for an audit. */
export async function readAllCounters(session: Session): Promise<Count[]> {
  const [rows = []] = await session.run([{ sql: `${select} GROUP BY kind, vendor_id, currency, part`, values: [] }]);
  return rows.map(countOf);
}

/** What the cards themselves come to, counted one by one: what the counters should say. */
export async function countCards(session: Session): Promise<Count[]> {
  const counts = await session.run([
    counting("facet", "0", "facet", "facet IS NOT NULL"),
    counting("facet", "vendor_id", "facet", "facet IS NOT NULL AND vendor_id IS NOT NULL"),
    counting("made", "0", "made_month", "facet IS NOT NULL"),
    counting("redeemed", "0", "redeemed_month", "facet IS NOT NULL AND redeemed_month IS NOT NULL"),
  ]);
  return counts.flat().map(countOf);
}

const select = `SELECT kind, vendor_id, currency, part, CAST(SUM(count) AS SIGNED) AS count,
  CAST(SUM(upper_amount) AS SIGNED) AS upper_amount, CAST(SUM(lower_amount) AS SIGNED) AS lower_amount
  FROM card_counters`;

function selectCounters({ kind, vendorId = 0n, currency, parts }: CounterFilter): Statement {
  const conditions: [string, readonly Value[]][] = [["kind = ? AND vendor_id = ?", [kind, vendorId]]];
  if (currency !== undefined) conditions.push(["currency = ?", [currency]]);
  if (parts) conditions.push([`part IN (${placeholders(parts.length)})`, parts]);
  const where = conditions.map(([sql]) => sql).join(" AND ");
  return {
    sql: `${select} WHERE ${where} GROUP BY kind, vendor_id, currency, part`,
    values: conditions.flatMap(([, values]) => values),
  };
}

function counting(kind: CounterKind, vendorId: string, part: string, where: string): Statement {
  return {
    sql: `SELECT '${kind}' AS kind, ${vendorId} AS vendor_id, currency, ${part} AS part,
            CAST(COUNT(*) AS SIGNED) AS count,
            CAST(SUM((amount - amount % ${half}) / ${half}) AS SIGNED) AS upper_amount,
            CAST(SUM(amount % ${half}) AS SIGNED) AS lower_amount
          FROM cards WHERE ${where} GROUP BY currency, ${[vendorId, part].filter((one) => one !== "0").join(", ")}`,
    values: [],
  };
}

function countOf(row: Row): Count {
  return {
    kind: row.kind as CounterKind,
    vendorId: row.vendor_id as bigint,
    currency: row.currency as string,
    part: row.part as bigint,
    count: row.count as bigint,
    amount: (row.upper_amount as bigint) * half + (row.lower_amount as bigint),
  };
}
