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

/** What is kept of an item, by column. */
export type ColumnsOf<Item> = Readonly<Record<string, (item: Item) => Value | undefined>>;

/** The values of rows that keep items, in the order of the columns. */
export function rowsOf<Item>(columns: ColumnsOf<Item>, items: readonly Item[]): Value[][] {
  const values = Object.values(columns);
  return items.map((item) => values.map((read) => read(item) ?? null));
}

/**
 * Writes what has changed of items that are there, and locked. Those of which the same columns have changed are written
 * together, and no other column, nor an index of one, is touched.
 */
export function updateChanged<Item extends { readonly id: bigint }>(
  table: string,
  columns: ColumnsOf<Item>,
  changes: readonly (readonly [before: Item, after: Item])[],
): Statement[] {
  const all = Object.entries(columns);
  const changedColumns = ([before, after]: readonly [Item, Item]) =>
    all.filter(([, read]) => read(before) !== read(after)).map(([name]) => name);
  const alike = Map.groupBy(changes, (change) => changedColumns(change).join());
  alike.delete("");
  return Array.from(alike, ([names, same]) => {
    const items = same.map(([, after]) => after);
    const values = names.split(",").map((name) => [name, items.map((item) => columns[name]?.(item) ?? null)] as const);
    const ids = items.map(({ id }) => id);
    return updateTogether(table, ids, values);
  });
}

/**
 * Has a transaction of MySQL fail for want of a value where one of these rows is not there, or has another value in one of
 * the columns, of which the first is the primary key; NULL is none. Locks them, so that they stay as they are.
 */
export function requireRows(
  table: string,
  columns: readonly [key: string, ...others: string[]],
  rows: readonly (readonly [bigint, ...(string | bigint | null)[]])[],
): Statement {
  const [key] = columns;
  const inOrder = rows.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    // Told in one text, which takes as long for each row however many there are. By any other key, they would be locked in
    // another order than everybody locks them.
    sql: `INSERT INTO sequences (name, next) SELECT NULL, 0 FROM (
            SELECT CAST(GROUP_CONCAT(CONCAT(${columns.join(", ' ', ")}) ORDER BY ${key}) AS BINARY) <=> CAST(? AS BINARY) AS same
            FROM ${table} FORCE INDEX (PRIMARY) WHERE ${key} IN (${placeholders(rows.length)}) FOR UPDATE) kept
          WHERE NOT kept.same`,
    values: [inOrder.map((row) => row.join(" ")).join(), ...inOrder.map(([id]) => id)],
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
