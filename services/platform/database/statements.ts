import type { Database, Statement, Value } from "./database.ts";

/** `?, ?, ?` for so many values. */
export function placeholders(count: number): string {
  return count === 1 ? "?" : Array(count).fill("?").join(", ");
}

/** This instant by the database's clock, which is one and the same for all replicas. */
export function presentOf(dialect: Database["dialect"]): string {
  return dialect === "mysql"
    ? "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"
    : "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";
}

/** Inserts rows; each row has the columns' values in order. */
export function insertInto(table: string, columns: readonly string[], rows: readonly (readonly Value[])[]): Statement {
  const row = `(${placeholders(columns.length)})`;
  return {
    sql: `INSERT INTO ${table} (${columns.join(", ")}) VALUES ${Array(rows.length).fill(row).join(", ")}`,
    values: rows.flat(),
  };
}

/** A column, and the value that it is to have in each row. */
type ColumnValues = readonly [name: string, values: readonly Value[]];

/** Updates the rows of these ids together. What all of them are to have is said once, and not of each. */
export function updateTogether(table: string, ids: readonly bigint[], columns: readonly ColumnValues[]): Statement {
  const assignments = columns.map(([name, values]) => {
    const [first = null] = values;
    if (values.every((value) => value === first)) return { sql: `${name} = ?`, values: [first] };
    const cases = ids.flatMap((id, index) => [id, values[index] ?? null]);
    return { sql: `${name} = CASE id ${"WHEN ? THEN ? ".repeat(ids.length)}END`, values: cases };
  });
  const set = assignments.map(({ sql }) => sql).join(", ");
  return {
    sql: `UPDATE ${table} SET ${set} WHERE id IN (${placeholders(ids.length)})`,
    values: [...assignments.flatMap(({ values }) => values), ...ids],
  };
}

/** What `upsertInto` does with a row whose key is there already. */
export interface Upsert {
  /** The columns of the unique key that decides. MySQL looks at every unique key of the table. */
  readonly key: readonly string[];
  /** The columns that take the new row's values; none: the row stays as it is. */
  readonly update: readonly string[];
}

/** Inserts rows, or updates those whose key is there: the one statement that the engines spell differently. */
export function upsertInto(
  dialect: Database["dialect"],
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
  { key, update }: Upsert,
): Statement {
  const { sql, values } = insertInto(table, columns, rows);
  return { sql: `${sql} ${dialect === "mysql" ? onDuplicateKey(key, update) : onConflict(key, update)}`, values };
}

/** What `addTo` does with a row whose key is there already. */
export interface Addition {
  /** The columns of the unique key that decides. MySQL looks at every unique key of the table. */
  readonly key: readonly string[];
  /** The columns that the new row's values are added to; at least one. */
  readonly add: readonly string[];
}

/** Inserts rows, or adds their numbers to those whose key is there; the rest of such a row stays as it is. */
export function addTo(
  dialect: Database["dialect"],
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Value[])[],
  { key, add }: Addition,
): Statement {
  const { sql, values } = insertInto(table, columns, rows);
  const set = add.map((column) =>
    dialect === "mysql" ? `${column} = ${column} + VALUES(${column})` : `${column} = ${column} + excluded.${column}`,
  );
  const onKey = dialect === "mysql" ? "ON DUPLICATE KEY UPDATE" : `ON CONFLICT (${key.join(", ")}) DO UPDATE SET`;
  return { sql: `${sql} ${onKey} ${set.join(", ")}`, values };
}

function onDuplicateKey(key: readonly string[], update: readonly string[]): string {
  const set = update.map((column) => `${column} = VALUES(${column})`);
  return `ON DUPLICATE KEY UPDATE ${set.length > 0 ? set.join(", ") : `${key[0]} = ${key[0]}`}`;
}

function onConflict(key: readonly string[], update: readonly string[]): string {
  const set = update.map((column) => `${column} = excluded.${column}`);
  return `ON CONFLICT (${key.join(", ")}) DO ${set.length > 0 ? `UPDATE SET ${set.join(", ")}` : "NOTHING"}`;
}
