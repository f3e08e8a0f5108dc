import type { Database } from "./database/database.ts";
import { createTable } from "./database/migrate.ts";
import { upsertInto } from "./database/statements.ts";
import type { Migration } from "./service.ts";

/** Ids are taken from the database so many at a time; what is left of a block when the process ends is lost. */
const blockSize = 1_000n;

export const sequencesMigration: Migration = {
  name: "000-sequences",
  up: (knex) =>
    createTable(knex, "sequences", (table) => {
      table.string("name", 50).primary();
      table.bigInteger("next").notNullable();
    }),
};

/**
 * Gives ids from 1: unique whatever the number of replicas, small, and known before the row is inserted. Ids are to be
 * had before a transaction begins, never inside it: on SQLite there is one writer, and it would wait for itself.
 */
export class IdSequence {
  private readonly database: Database;
  private readonly name: string;
  private next = 0n;
  private end = 0n;
  private refilling: Promise<void> | undefined;

  constructor(database: Database, name: string) {
    this.database = database;
    this.name = name;
  }

  async take(): Promise<bigint> {
    while (this.next === this.end) await this.refill();
    return this.next++;
  }

  async takeMany(count: number): Promise<bigint[]> {
    const ids: bigint[] = [];
    while (ids.length < count) ids.push(await this.take());
    return ids;
  }

  private refill(): Promise<void> {
    this.refilling ??= this.takeBlock().finally(() => {
      this.refilling = undefined;
    });
    return this.refilling;
  }

  private async takeBlock(): Promise<void> {
    const { name } = this;
    await this.database.transaction(async (tx) => {
      const [, , rows] = await tx.run([
        upsertInto(this.database.dialect, "sequences", ["name", "next"], [[name, 1n]], { key: ["name"], update: [] }),
        { sql: "UPDATE sequences SET next = next + ? WHERE name = ?", values: [blockSize, name] },
        { sql: "SELECT next FROM sequences WHERE name = ?", values: [name] },
      ]);
      this.end = rows?.[0]?.next as bigint;
      this.next = this.end - blockSize;
    });
  }
}
