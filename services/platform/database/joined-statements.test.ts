import test from "ava";
import { joinAlike } from "./joined-statements.ts";
import { insertInto, upsertInto } from "./statements.ts";

const one = (table: string, ...row: readonly bigint[]) => insertInto(table, ["a", "b"], [row]);

test("Inserts into one table are one insert of all rows, in their order, in the place of the first", (t) => {
  const statements = joinAlike([one("x", 1n, 2n), one("y", 3n, 4n), one("x", 5n, 6n), one("y", 7n, 8n)]);
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
    t.deepEqual(joinAlike([upsert([1n, 2n]), upsert([3n, 4n])]), [upsert([1n, 2n], [3n, 4n])]);
  });
}

test("Deletes are one of what each deletes, in the place of the first", (t) => {
  const deletion = (a: bigint, b: bigint) => ({ sql: "DELETE FROM x WHERE a = ? AND b = ?", values: [a, b] });
  t.deepEqual(joinAlike([deletion(1n, 2n), one("y", 3n, 4n), deletion(5n, 6n)]), [
    { sql: "DELETE FROM x WHERE (a = ? AND b = ?) OR (a = ? AND b = ?)", values: [1n, 2n, 5n, 6n] },
    one("y", 3n, 4n),
  ]);
});

test("What neither inserts a single row each nor deletes, or deletes so many, is left as it is", (t) => {
  const twoRows = insertInto("x", ["a"], [[1n], [2n]]);
  const some = { sql: "DELETE FROM x WHERE a = ? LIMIT 1", values: [1n] };
  const update = { sql: "UPDATE x SET a = ? WHERE b = 1", values: [1n] };
  const subject = { sql: "INSERT INTO x (a) SELECT ? FROM y", values: [1n] };
  const statements = [twoRows, twoRows, some, some, update, update, subject, subject];
  t.deepEqual(joinAlike(statements), statements);
});

test("No statements are none", (t) => {
  t.deepEqual(joinAlike([]), []);
});
