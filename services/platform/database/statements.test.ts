import { inspect } from "node:util";
import test from "ava";
import { type Engine, engines, testDatabase } from "../testing/engines.ts";
import { createTable } from "./migrate.ts";
import { addTo } from "./statements.ts";

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

const setUp = async (engine: Engine) => ({ engine, database: await testDatabase(engine, "tallies", [tallies]) });

for (const { engine, database } of await Promise.all((await engines()).map(setUp))) {
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
