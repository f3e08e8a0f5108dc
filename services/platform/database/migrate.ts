import type { Knex } from "knex";
import type { Migration } from "../service.ts";
import type { Database, Transaction } from "./database.ts";
import { isTakenKeyName } from "./failures.ts";

/** MySQL takes names of locks of up to 64 characters; this ends in 11 of its own. */
const lockName = "IF(CHAR_LENGTH(DATABASE()) <= 53, CONCAT(DATABASE(), '.migrations'), SHA2(DATABASE(), 256))";

/**
 * Brings a database up to date. Safe when several replicas start at once, and after one was killed in the middle: on
 * MySQL the server's own lock, which ends with its connection, lets one at a time through.
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  if (database.dialect === "sqlite") {
    await database.transaction((tx) => apply(tx.knex, migrations));
    return;
  }
  // DDL commits by itself on MySQL, so the transaction is there to keep hold of one connection.
  const alone = async ({ knex }: Transaction) => {
    const [[row]] = await knex.raw(`SELECT GET_LOCK(${lockName}, 60) AS locked`);
    if (row.locked !== 1n) throw new Error("Another replica has held the migration lock for more than 60 s");
    try {
      await apply(knex, migrations);
    } finally {
      await knex.raw(`SELECT RELEASE_LOCK(${lockName})`);
    }
  };
  await database.transaction(alone, { isLong: true });
}

async function apply(knex: Knex, migrations: readonly Migration[]): Promise<void> {
  await createTable(knex, "migrations", (table) => {
    table.string("name", 100).primary();
    table.bigInteger("applied_at").notNullable();
  });
  const applied = new Set<string>((await knex("migrations").select("name")).map((row) => row.name));
  for (const { name, up } of migrations) {
    if (applied.has(name)) continue;
    await up(knex);
    await knex("migrations").insert({ name, applied_at: BigInt(Date.now()) * 1000n });
  }
}

/**
 * Makes a table, and its keys, if they are not there: on MySQL, where each is made by itself, a start that was killed half
 * way through a migration leaves some of its tables behind, and the last of them without some of its keys.
 */
export async function createTable(
  knex: Knex,
  name: string,
  define: (table: Knex.CreateTableBuilder) => void,
): Promise<void> {
  const creation = knex.schema.createTable(name, define);
  if (!(await knex.schema.hasTable(name))) return creation;
  const [, ...keys] = creation.toSQL();
  for (const { sql } of keys) await addKey(knex, sql);
}

async function addKey(knex: Knex, sql: string): Promise<void> {
  try {
    await knex.raw(sql);
  } catch (error) {
    if (!isTakenKeyName(error)) throw error;
  }
}
