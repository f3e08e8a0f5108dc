import test from "ava";
import { joinInserts } from "./joined-inserts.ts";
import { insertInto, upsertInto } from "./statements.ts";

const one = (table: string, ...row: readonly bigint[]) => insertInto(table, ["a", "b"], [row]);

test("Inserts into one table are one insert of all rows, in their order, in the place of the first", (t) => {
  const statements = joinInserts([one("x", 1n, 2n), one("y", 3n, 4n), one("x", 5n, 6n), one("y", 7n, 8n)]);
  t.deepEqual(statements, [
    insertInto(
      "x",
      ["a", "b"],
      [
        [1n, 2n],
        [5n, 6n],
      ],
    ),
    insertInto(
      "y",
      ["a", "b"],
      [
        [3n, 4n],
        [7n, 8n],
      ],
    ),
  ]);
});

for (const dialect of ["mysql", "sqlite"] as const) {
  test(`What an insert does with a row that is there holds for all rows on ${dialect}`, (t) => {
    const upsert = (...rows: bigint[][]) => upsertInto(dialect, "x", ["a", "b"], rows, { key: ["a"], update: ["b"] });
    t.deepEqual(joinInserts([upsert([1n, 2n]), upsert([3n, 4n])]), [upsert([1n, 2n], [3n, 4n])]);
  });
}

test("What inserts no single row each is left as it is", (t) => {
  const twoRows = insertInto("x", ["a"], [[1n], [2n]]);
  const deletion = { sql: "DELETE FROM x WHERE a = ?", values: [1n] };
  const subject = { sql: "INSERT INTO x (a) SELECT ? FROM y", values: [1n] };
  const statements = [twoRows, twoRows, deletion, deletion, subject, subject];
  t.deepEqual(joinInserts(statements), statements);
});

test("No statements are none", (t) => {
  t.deepEqual(joinInserts([]), []);
});
