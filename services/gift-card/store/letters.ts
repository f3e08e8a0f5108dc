import type { Database, Statement } from "../../platform/database/database.ts";
import { createTable } from "../../platform/database/migrate.ts";
import { insertInto, placeholders, upsertInto } from "../../platform/database/statements.ts";
import type { Migration } from "../../platform/service.ts";
import type { Instant } from "../../platform/time.ts";
import type { Letter, LetterKind } from "../domain/letter.ts";

export const lettersMigration: Migration = {
  name: "005-letters",
  up: (knex) =>
    createTable(knex, "letters", (table) => {
      table.string("id", 64).primary();
      table.bigInteger("card_id").notNullable();
      table.string("kind", 10).notNullable();
      table.bigInteger("attempts").notNullable();
      table.bigInteger("due_at").notNullable().index();
      table.bigInteger("created_at").notNullable();
    }),
};

/** A letter that waits to be sent. */
export interface WaitingLetter extends Letter {
  /** Failed ones. */
  readonly attempts: number;
  readonly createdAt: Instant;
}

const columns = ["id", "card_id", "kind", "attempts", "due_at", "created_at"] as const;

/** What adds a letter, in the transaction of what it tells of. */
export function insertLetter({ id, cardId, kind }: Letter, now: Instant): Statement {
  return insertInto("letters", columns, [[id, cardId, kind, 0n, now, now]]);
}

/** Letters that are to be sent: a row is there until then. */
export class LetterRows {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Those whose time has come, the longest waiting first. */
  async due(by: Instant, limit: number): Promise<WaitingLetter[]> {
    const sql = `SELECT ${columns.join(", ")} FROM letters WHERE due_at <= ? ORDER BY due_at LIMIT ?`;
    const rows = await this.database.select({ sql, values: [by, BigInt(limit)] });
    return rows.map((row) => ({
      id: row.id as string,
      cardId: row.card_id as bigint,
      kind: row.kind as LetterKind,
      attempts: Number(row.attempts),
      createdAt: row.created_at as bigint,
    }));
  }

  /** Forgets letters that were sent, or never will be; and has others wait. */
  async settle(
    done: readonly WaitingLetter[],
    postponed: readonly (readonly [WaitingLetter, Instant])[],
  ): Promise<void> {
    const statements: Statement[] = [];
    if (done.length > 0) {
      const sql = `DELETE FROM letters WHERE id IN (${placeholders(done.length)})`;
      statements.push({ sql, values: done.map(({ id }) => id) });
    }
    if (postponed.length > 0) {
      const rows = postponed.map(([{ id, cardId, kind, attempts, createdAt }, dueAt]) => [
        id,
        cardId,
        kind,
        BigInt(attempts + 1),
        dueAt,
        createdAt,
      ]);
      const upsert = { key: ["id"], update: ["attempts", "due_at"] };
      statements.push(upsertInto(this.database.dialect, "letters", columns, rows, upsert));
    }
    if (statements.length > 0) await this.database.commit(statements);
  }
}
