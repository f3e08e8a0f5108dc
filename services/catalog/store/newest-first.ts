import type { Database, Row, Value } from "../../platform/database/database.ts";
import type { Paging } from "../../platform/paging.ts";

/** A list that is to be read: which columns, of which rows. */
export interface Listing {
  readonly columns: string;
  /** What follows FROM, as far as it says which rows there are. */
  readonly from: string;
  /** What belongs to each row besides, one of each: not looked at to count them. */
  readonly join?: string;
  /** The column that the rows are sorted by, the highest first: unique, and rising with time. */
  readonly id: string;
  /** What is true of every row, each with its value: `p.vendor_id = ?`. */
  readonly where: readonly (readonly [condition: string, value: Value])[];
}

/** What was read: as many rows as fit on the page and one more where there are more; the total of a page by number. */
export interface Listed {
  readonly rows: Row[];
  readonly total: bigint | undefined;
}

/** Reads one page of a list, the newest first. */
export async function listNewest(database: Database, listing: Listing, paging: Paging): Promise<Listed> {
  const { columns, from, join = "", id, where } = listing;
  const limit = BigInt(paging.perPage + 1);
  if (paging.kind === "cursor") {
    const after = [...where, [`${id} < ?`, paging.after[0] ?? 0n] as const];
    const rows = await database.select({
      sql: `SELECT ${columns} FROM ${from} ${join}${conditions(after)} ORDER BY ${id} DESC LIMIT ?`,
      values: [...valuesOf(after), limit],
    });
    return { rows, total: undefined };
  }
  const [rows, counted] = await Promise.all([
    database.select({
      sql: `SELECT ${columns} FROM ${from} ${join}${conditions(where)} ORDER BY ${id} DESC LIMIT ? OFFSET ?`,
      values: [...valuesOf(where), limit, BigInt(paging.offset)],
    }),
    database.select({
      sql: `SELECT COUNT(*) AS row_count FROM ${from}${conditions(where)}`,
      values: valuesOf(where),
    }),
  ]);
  return { rows, total: counted[0]?.row_count as bigint };
}

function conditions(where: Listing["where"]): string {
  return where.length === 0 ? "" : ` WHERE ${where.map(([condition]) => condition).join(" AND ")}`;
}

function valuesOf(where: Listing["where"]): Value[] {
  return where.map(([, value]) => value);
}
