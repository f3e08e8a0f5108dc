import type { Database, Row, Session } from "../../platform/database/database.ts";
import { createTable } from "../../platform/database/migrate.ts";
import { insertInto } from "../../platform/database/statements.ts";
import type { Migration } from "../../platform/service.ts";
import type { Instant } from "../../platform/time.ts";
import type { Batch, BatchCard, BatchStatus } from "../domain/batch.ts";
import type { Card } from "../domain/card.ts";

export const batchesMigration: Migration = {
  name: "006-batches",
  up: (knex) =>
    createTable(knex, "card_batches", (table) => {
      table.bigInteger("id").primary();
      table.bigInteger("admin_id").notNullable();
      table.string("status", 10).notNullable();
      // What the cards have in common, as JSON.
      table.text("card", "mediumtext").notNullable();
      table.bigInteger("count").notNullable();
      table.bigInteger("created_count").notNullable();
      table.bigInteger("created_at").notNullable();
      table.bigInteger("completed_at");
      // When a replica may take it up; while one has, when another one may. Null once nothing is left to be made.
      table.bigInteger("due_at").index();
    }),
};

const columns = ["id", "admin_id", "status", "card", "count", "created_count", "created_at", "completed_at", "due_at"];

/** A batch whose cards are being made. */
export interface DueBatch extends Batch {
  readonly dueAt: Instant;
}

/** What is told of a card with its code. */
export type CodedCard = Pick<Card, "id" | "amount" | "currency" | "expiresAt"> & {
  readonly code: Pick<Card["code"], "sealed" | "sealKeyId">;
};

/** The batches that were ordered. */
export class Batches {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async insert(session: Session, batch: Batch): Promise<void> {
    const { id, adminId, status, card, count, createdCount, createdAt, completedAt = null } = batch;
    const counts = [BigInt(count), BigInt(createdCount)];
    const row = [id, adminId, status, jsonOf(card), ...counts, createdAt, completedAt, createdAt];
    await session.run([insertInto("card_batches", columns, [row])]);
  }

  async find(id: bigint): Promise<Batch | undefined> {
    const sql = `SELECT ${columns.join(", ")} FROM card_batches WHERE id = ?`;
    const [row] = await this.database.select({ sql, values: [id] });
    return row && batchOf(row);
  }

  /** The batch that has waited longest, of those whose time has come. */
  async due(by: Instant): Promise<DueBatch | undefined> {
    const sql = `SELECT ${columns.join(", ")} FROM card_batches WHERE due_at <= ? ORDER BY due_at LIMIT 1`;
    const [row] = await this.database.select({ sql, values: [by] });
    return row && { ...batchOf(row), dueAt: row.due_at as bigint };
  }

  /**
   * Has a batch be as far as it is, and due at an instant: never, where nothing is left to be made. Answers undefined where
   * another replica has taken it up meanwhile.
   */
  async advance({ dueAt, ...batch }: DueBatch, next: Instant | undefined): Promise<DueBatch | undefined> {
    const { id, status, createdCount, completedAt = null } = batch;
    const updated: number = await this.database.transaction(({ knex }) =>
      knex("card_batches")
        .where({ id, due_at: dueAt })
        .update({ status, created_count: BigInt(createdCount), completed_at: completedAt, due_at: next ?? null }),
    );
    return updated === 1 && next !== undefined ? { ...batch, dueAt: next } : undefined;
  }

  /**
   * The cards of a batch that clients see, and that its admin still gives, as they are now. Only what is told with their
   * codes: what is written on ten thousand cards may be more than a hundred megabytes.
   */
  async codedCardsOf({ id, adminId }: Pick<Batch, "id" | "adminId">): Promise<CodedCard[]> {
    const sql = `SELECT id, amount, currency, expires_at, sealed_code, seal_key_id FROM cards
                 WHERE batch_id = ? AND sender_id = ? AND facet IS NOT NULL ORDER BY id`;
    return (await this.database.select({ sql, values: [id, adminId] })).map(codedCardOf);
  }
}

function codedCardOf(row: Row): CodedCard {
  return {
    id: row.id as bigint,
    amount: row.amount as bigint,
    currency: row.currency as string,
    expiresAt: (row.expires_at as bigint | null) ?? undefined,
    code: { sealed: row.sealed_code as Uint8Array, sealKeyId: row.seal_key_id as string },
  };
}

function batchOf(row: Row): Batch {
  return {
    id: row.id as bigint,
    adminId: row.admin_id as bigint,
    status: row.status as BatchStatus,
    card: cardOfJson(row.card as string),
    count: Number(row.count),
    createdCount: Number(row.created_count),
    createdAt: row.created_at as bigint,
    completedAt: (row.completed_at as bigint | null) ?? undefined,
  };
}

/** JSON has no numbers as large as amounts: each is an object with one field. */
function jsonOf(card: BatchCard): string {
  return JSON.stringify(card, (_, value) => (typeof value === "bigint" ? { bigint: String(value) } : value));
}

function cardOfJson(json: string): BatchCard {
  return JSON.parse(json, (_, value) => (typeof value?.bigint === "string" ? BigInt(value.bigint) : value));
}
