import test from "ava";
import type { Knex } from "knex";
import type { Migration } from "../service.ts";
import { engines, testDatabase } from "../testing/engines.ts";
import { isDuplicateKey } from "./failures.ts";
import { createTable } from "./migrate.ts";
import { insertInto } from "./statements.ts";

/** Makes people, each with a name and a number of their own. */
const makePeople = (knex: Knex) =>
  createTable(knex, "people", (table) => {
    table.bigInteger("id").primary();
    table.string("name", 100).notNullable().unique();
    table.bigInteger("number").notNullable().unique();
  });

/** Steps that a start comes to, the last of which it does not take. */
const cutShortAt = (step: RegExp): Migration => ({
  name: "001-people",
  up: async (knex) => {
    knex.on("query", ({ sql }) => {
      if (step.test(sql)) throw new Error("The start was killed");
    });
    await makePeople(knex);
  },
});

const person = (id: bigint, name: string, number: bigint) =>
  insertInto("people", ["id", "name", "number"], [[id, name, number]]);

for (const engine of engines()) {
  test.after.always(() => engine.remove());

  for (const [index, step] of [/create table `people`/, /people_name_unique/, /people_number_unique/].entries()) {
    test(`A start that is killed before ${step.source} leaves no key out on ${engine.name}`, async (t) => {
      const service = `people-${index}`;
      const killed = testDatabase(engine, service, [cutShortAt(step)]);
      await t.throwsAsync(killed, { message: "The start was killed" });
      const database = await testDatabase(engine, service, [{ name: "001-people", up: makePeople }]);
      await database.commit([person(1n, "one", 1n)]);
      t.true(isDuplicateKey(await t.throwsAsync(database.commit([person(2n, "one", 2n)]))));
      t.true(isDuplicateKey(await t.throwsAsync(database.commit([person(2n, "two", 1n)]))));
      await database.commit([person(2n, "two", 2n)]);
      await database.close();
    });
  }

  if (engine.name === "MySQL") {
    test("A database whose name is as long as can be is brought up to date by one at a time", async (t) => {
      const { DATABASE_PREFIX = "" } = engine.environment;
      const service = "people".padEnd(64 - DATABASE_PREFIX.length, "s");
      const up = { name: "001-people", up: makePeople };
      const databases = await Promise.all([1, 2, 3].map(() => testDatabase(engine, service, [up])));
      await t.notThrowsAsync(databases[0]?.commit([person(1n, "one", 1n)]) ?? Promise.reject());
      for (const database of databases) await database.close();
    });
  }
}
