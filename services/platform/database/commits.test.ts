import { inspect } from "node:util";
import test from "ava";
import type { Migration } from "../service.ts";
import { engines, sqliteEngine, testDatabase } from "../testing/engines.ts";
import { LossyDatabase } from "../testing/lossy-database.ts";
import type { Statement } from "./database.ts";
import { isDuplicateKey, isOutOfRoom, isTakenId } from "./failures.ts";
import { createTable } from "./migrate.ts";
import { insertInto } from "./statements.ts";

const migrations: readonly Migration[] = [
  {
    name: "001-notes",
    up: (knex) =>
      createTable(knex, "notes", (table) => {
        table.bigInteger("id").primary();
        table.string("text", 100).notNullable();
      }),
  },
];

const databases = await Promise.all(
  engines().map(async (engine) => ({ engine, database: await testDatabase(engine, "notes", migrations) })),
);

for (const { engine, database } of databases) {
  const note = (id: bigint, text = "a note"): Statement => insertInto("notes", ["id", "text"], [[id, text]]);
  const all: Statement = { sql: "SELECT id, text FROM notes ORDER BY id", values: [] };
  const ids = async () => (await database.select(all)).map(({ id }) => id);

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(`Statements of a commit are done in their order on ${engine.name}`, async (t) => {
    const change = { sql: "UPDATE notes SET text = ? WHERE id = ?", values: ["/* ; END */", 1n] };
    await database.commit([note(1n), change, all, note(2n, "'; DROP TABLE notes; --")]);
    t.deepEqual(await database.select(all), [
      { id: 1n, text: "/* ; END */" },
      { id: 2n, text: "'; DROP TABLE notes; --" },
    ]);
  });

  test.serial(`Where a statement of a commit fails, nothing of it is left on ${engine.name}`, async (t) => {
    const before = await ids();
    for (const statements of [
      [note(3n), note(1n)],
      [note(3n), note(1n), note(4n)],
      [note(1n), note(3n)],
    ]) {
      t.true(isDuplicateKey(await t.throwsAsync(database.commit(statements))));
      const save = database.batch([all], async () => ({ save: statements, result: undefined }));
      t.true(isDuplicateKey(await t.throwsAsync(save)));
      t.deepEqual(await ids(), before);
    }
  });

  test.serial(`A batch sees what it loads, and saves all or nothing on ${engine.name}`, async (t) => {
    const answer = await database.batch([all, all], async ([first, second]) => {
      t.deepEqual(first, second);
      return { save: [note(10n), note(11n)], result: first?.length };
    });
    t.is(answer, (await ids()).length - 2);
    const failure = new Error("undecided");
    t.is(await t.throwsAsync(database.batch([all], () => Promise.reject(failure))), failure);
    t.is(await database.batch([all], async () => ({ save: [], result: "nothing to save" })), "nothing to save");
    await database.commit([]);
    t.deepEqual((await ids()).slice(-2), [10n, 11n]);
  });

  test.serial(`A transaction whose answer is lost inserts its rows once on ${engine.name}`, async (t) => {
    const lossy = new LossyDatabase(database);
    const write = (id: bigint, text = "a note") =>
      lossy.database.transaction(async ({ run }) => {
        await run([note(id, text)]);
        return text;
      });
    lossy.toLose = 1;
    t.is(await write(20n, "written once"), "written once");
    t.is(lossy.toLose, 0);
    t.true(isTakenId(await t.throwsAsync(write(20n))));
    lossy.toLose = 1;
    await lossy.database.write([note(21n)]);
    t.true(isTakenId(await t.throwsAsync(lossy.database.write([note(21n)]))));
    t.deepEqual((await ids()).slice(-2), [20n, 21n]);
  });

  test.serial(`A statement that fails does not tell its values on ${engine.name}`, async (t) => {
    const failing = { sql: "INSERT INTO notes (id, nothing) VALUES (?, ?)", values: [30n, "secret"] };
    const row = { id: 30n, nothing: "secret" };
    for (const failure of [
      database.commit([failing]),
      database.select(failing),
      database.transaction(({ run }) => run([failing])),
      database.transaction(({ knex }) => knex("notes").insert(row)),
      database.read("notes").where(row),
    ]) {
      t.notRegex(inspect(await t.throwsAsync(async () => failure)), /secret/);
    }
  });
}

test.serial(
  "A transaction that finds the disk full says so, and one that comes once there is room goes through",
  async (t) => {
    const engine = sqliteEngine();
    t.teardown(() => engine.remove());
    const database = await testDatabase(engine, "notes", migrations);
    t.teardown(() => database.close());
    const leaveRoom = (pages: bigint) =>
      database.transaction(async ({ run }) => {
        const [[row] = []] = await run([{ sql: "PRAGMA page_count", values: [] }]);
        await run([{ sql: `PRAGMA max_page_count = ${(row?.page_count as bigint) + pages}`, values: [] }]);
      });
    const row = { id: 1n, text: "a note".repeat(10_000) };
    const long = insertInto("notes", ["id", "text"], [[row.id, row.text]]);
    await leaveRoom(2n);
    t.true(isOutOfRoom(await t.throwsAsync(database.transaction(({ run }) => run([long])))));
    t.true(isOutOfRoom(await t.throwsAsync(database.transaction(({ knex }) => knex("notes").insert(row)))));
    await leaveRoom(100n);
    await database.transaction(({ run }) => run([long]));
    t.is((await database.select({ sql: "SELECT id FROM notes", values: [] })).length, 1);
  },
);
