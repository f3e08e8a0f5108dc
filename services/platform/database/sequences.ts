import type { Database, Row, Statement } from "./database.ts";
import { upsertInto } from "./statements.ts";

export const createSequences: Statement = {
  sql: "CREATE TABLE IF NOT EXISTS sequences (name VARCHAR(50) NOT NULL PRIMARY KEY, next BIGINT NOT NULL)",
  values: [],
};

/** Takes the next numbers of a sequence, so many: to be run in one transaction. */
export function takeNumbers(dialect: Database["dialect"], name: string, count: bigint): Statement[] {
  return [
    upsertInto(dialect, "sequences", ["name", "next"], [[name, 1n]], { key: ["name"], update: [] }),
    { sql: "UPDATE sequences SET next = next + ? WHERE name = ?", values: [count, name] },
    { sql: "SELECT next FROM sequences WHERE name = ?", values: [name] },
  ];
}

/** The first of the numbers that were taken, from what the statements of takeNumbers answered. */
export function firstTaken(results: readonly (readonly Row[])[], count: bigint): bigint {
  return (results[2]?.[0]?.next as bigint) - count;
}
