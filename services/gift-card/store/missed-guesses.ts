import { randomBytes } from "node:crypto";
import type { Database } from "../../platform/database/database.ts";
import { createTable } from "../../platform/database/migrate.ts";
import { insertInto } from "../../platform/database/statements.ts";
import type { Migration } from "../../platform/service.ts";
import type { Instant } from "../../platform/time.ts";

export const missedGuessesMigration: Migration = {
  name: "004-missed-guesses",
  up: (knex) =>
    createTable(knex, "missed_guesses", (table) => {
      table.bigInteger("user_id").notNullable();
      table.bigInteger("missed_at").notNullable().index();
      // Random: it only tells two of one instant apart, which nobody waits to have numbered.
      table.bigInteger("number").notNullable();
      table.primary(["user_id", "missed_at", "number"]);
    }),
};

/** A code that was tried, and is no card's. */
export interface MissedGuess {
  readonly userId: bigint;
  readonly at: Instant;
}

/** Who has tried codes that are no card's, of late: never which. Rows are only ever added, so nobody waits for another. */
export class MissedGuesses {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async add(guesses: readonly MissedGuess[]): Promise<void> {
    const rows = guesses.map(({ userId, at }) => [userId, at, randomBytes(8).readBigUInt64BE() >> 1n]);
    await this.database.commit([insertInto("missed_guesses", ["user_id", "missed_at", "number"], rows)]);
  }

  /** When somebody has missed since an instant: the newest so many, the oldest of them first. */
  async of(userId: bigint, since: Instant, limit: number): Promise<Instant[]> {
    const sql = `SELECT missed_at FROM missed_guesses WHERE user_id = ? AND missed_at > ?
                 ORDER BY missed_at DESC LIMIT ?`;
    const rows = await this.database.select({ sql, values: [userId, since, BigInt(limit)] });
    return rows.map((row) => row.missed_at as bigint).reverse();
  }

  /** Whether all together have missed so often since an instant. */
  async areAtLeast(count: number, since: Instant): Promise<boolean> {
    const sql = "SELECT missed_at FROM missed_guesses WHERE missed_at > ? ORDER BY missed_at LIMIT 1 OFFSET ?";
    return (await this.database.select({ sql, values: [since, BigInt(count - 1)] })).length > 0;
  }

  async purge(before: Instant): Promise<void> {
    await this.database.commit([{ sql: "DELETE FROM missed_guesses WHERE missed_at <= ?", values: [before] }]);
  }
}
