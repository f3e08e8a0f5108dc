import { inspect } from "node:util";
import test from "ava";
import { type Engine, engines, testDatabase } from "../testing/engines.ts";
import { settledWithin } from "../waiting.ts";
import type { Value } from "./database.ts";
import { isMissingValue } from "./failures.ts";
import { createTable } from "./migrate.ts";
import { addTo, insertInto, requireRows, updateTogether } from "./statements.ts";

const tallies = {
  name: "001-tallies",
  up: (knex: Parameters<typeof createTable>[0]) =>
    createTable(knex, "tallies", (table) => {
      table.bigInteger("day").notNullable();
      table.string("name", 20).notNullable();
      table.string("note", 20).notNullable();
      table.bigInteger("units").notNullable();
      table.primary(["day", "name"]);
    }),
};

const prices = {
  name: "002-prices",
  up: (knex: Parameters<typeof createTable>[0]) =>
    createTable(knex, "prices", (table) => {
      table.bigInteger("id").primary();
      table.bigInteger("price");
      table.string("label", 20);
      table.bigInteger("untouched").notNullable();
    }),
};

const migrations = [tallies, prices];
const setUp = async (engine: Engine) => ({ engine, database: await testDatabase(engine, "tallies", migrations) });

for (const { engine, database } of await Promise.all(engines().map(setUp))) {
  const add = (...rows: (readonly [bigint, string, string, bigint])[]) =>
    database.commit([
      addTo(database.dialect, "tallies", ["day", "name", "note", "units"], rows, {
        key: ["day", "name"],
        add: ["units"],
      }),
    ]);

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  if (database.dialect === "mysql") {
    test(`a transaction that requires rows as they are not changes nothing on ${engine.name}`, async (t) => {
      const columns = ["id", "price", "label", "untouched"];
      await database.commit([
        insertInto("prices", columns, [
          [101n, 1n, "a", 0n],
          [102n, 2n, "b", 0n],
          [103n, null, "c", 0n],
        ]),
      ]);
      const writing = (...required: readonly (readonly [bigint, bigint | null, string])[]) =>
        database.commit([
          requireRows("prices", ["id", "price", "label"], required),
          { sql: "UPDATE prices SET untouched = untouched + 1 WHERE id = 101", values: [] },
        ]);
      await writing([101n, 1n, "a"], [102n, 2n, "b"]);
      for (const required of [
        [102n, 3n, "b"],
        [102n, 2n, "B"],
        [104n, 2n, "b"],
        [103n, null, "c"],
      ] as const) {
        const error = await t.throwsAsync(writing([101n, 1n, "a"], required));
        t.true(isMissingValue(error), String(error));
      }
      const [row] = await database.select({ sql: "SELECT untouched FROM prices WHERE id = 101", values: [] });
      t.is(row?.untouched, 1n);
    });

    test(`rows that a transaction requires stay as they are until its end on ${engine.name}`, async (t) => {
      await database.commit([insertInto("prices", ["id", "price", "untouched"], [[111n, 1n, 0n]])]);
      const change = { sql: "UPDATE prices SET price = 2 WHERE id = 111", values: [] };
      let changing: Promise<unknown> = Promise.resolve();
      await database.batch([requireRows("prices", ["id", "price"], [[111n, 1n]])], async (_, session) => {
        changing = database.commit([change]);
        t.false(await settledWithin(300, changing));
        const [rows] = await session.run([{ sql: "SELECT price FROM prices WHERE id = 111", values: [] }]);
        t.deepEqual(rows, [{ price: 1n }]);
        return { save: [], result: undefined };
      });
      await t.notThrowsAsync(changing);
    });
  }

  test(`rows that are updated together have each its own values, and no other row or column has any on ${engine.name}`, async (t) => {
    const columns = ["id", "price", "label", "untouched"];
    const row = (id: bigint, price: Value = 1n, label: Value = "old") => [id, price, label, 7n];
    const ids = [1n, 2n, 3n, 4n];
    const most = 9_223_372_036_854_775_807n;
    await database.commit([
      insertInto(
        "prices",
        columns,
        [...ids, 5n].map((id) => row(id)),
      ),
    ]);
    await database.commit([
      updateTogether("prices", [1n, 2n], [["price", [null, null]]]),
      updateTogether(
        "prices",
        [2n, 3n, 4n],
        [
          ["price", [most, null, -1n]],
          ["label", ["it's", "it's", "it's"]],
        ],
      ),
    ]);
    const rows = await database.select({
      sql: "SELECT id, price, label, untouched FROM prices WHERE id < 100 ORDER BY id",
      values: [],
    });
    t.deepEqual(
      rows.map((one) => Object.values(one)),
      [row(1n, null), row(2n, most, "it's"), row(3n, null, "it's"), row(4n, -1n, "it's"), row(5n)],
    );
  });

  test(`what is added to a row that is not there makes it, and what is added again adds up on ${engine.name}`, async (t) => {
    await add([1n, "roses", "first", 5n], [1n, "lilies", "first", -2n]);
    await add([1n, "roses", "second", 3n], [2n, "roses", "first", 1n]);
    await Promise.all(Array.from({ length: 20 }, () => add([1n, "lilies", "third", 1n])));
    const rows = await database.select({ sql: "SELECT * FROM tallies ORDER BY day, name", values: [] });
    t.deepEqual(
      rows.map(({ day, name, note, units }) => [day, name, note, units]),
      [
        [1n, "lilies", "first", 18n],
        [1n, "roses", "first", 8n],
        [2n, "roses", "first", 1n],
      ],
    );
  });

  test(`what the error of a failed statement tells holds none of its values on ${engine.name}`, async (t) => {
    const statement = { sql: "INSERT INTO tallies (day, no_such_column) VALUES (?, ?)", values: [1n, "a secret"] };
    const error = await t.throwsAsync(() => database.commit([statement]));
    t.notRegex(inspect(error, { depth: 10 }), /a secret/);
  });
}
