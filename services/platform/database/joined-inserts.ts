import type { Statement } from "./database.ts";
import { placeholders } from "./statements.ts";

/**
 * The same statements, but that those which each insert one row, and differ in nothing but its values, are one that
 * inserts all of their rows, in their order, in the place of the first: a server reads one in far less time than many.
 */
export function joinInserts(statements: readonly Statement[]): Statement[] {
  const alike = Map.groupBy(statements, ({ sql }) => sql);
  return Array.from(alike.values()).flatMap((same) => joined(same) ?? same);
}

function joined(same: readonly Statement[]): Statement | undefined {
  const [first] = same;
  if (!first || same.length === 1 || !first.sql.startsWith("INSERT INTO ")) return undefined;
  const row = `(${placeholders(first.values.length)})`;
  const [head, tail, ...more] = first.sql.split(` VALUES ${row}`);
  if (tail === undefined || more.length > 0) return undefined;
  const rows = Array(same.length).fill(row).join(", ");
  return { sql: `${head} VALUES ${rows}${tail}`, values: same.flatMap(({ values }) => values) };
}
