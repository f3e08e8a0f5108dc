import type { Database, Session, Statement } from "../../platform/database/database.ts";
import { createTable } from "../../platform/database/migrate.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { Migration } from "../../platform/service.ts";
import { now } from "../../platform/time.ts";
import type { SealedCode } from "../domain/card.ts";

export const codeKeysMigration: Migration = {
  name: "003-code-keys",
  up: (knex) =>
    createTable(knex, "code_keys", (table) => {
      // From 1, without gaps: of replicas that add a key at once, one is refused and looks again.
      table.bigInteger("number").primary();
      table.string("id", 16).notNullable().unique();
      table.string("fingerprint", 16).notNullable();
      table.bigInteger("created_at").notNullable();
    }),
};

/** A key that codes are or were kept under; never the key itself. */
export interface CodeKeyRow {
  /** In the order in which they came. */
  readonly number: bigint;
  readonly id: string;
  readonly fingerprint: string;
}

/** A card's code, to be kept under another key. */
export interface KeptCode {
  readonly cardId: bigint;
  readonly code: Pick<SealedCode, "sealed" | "sealKeyId">;
}

/** Which keys the cards' codes are kept under. */
export class CodeKeyRows {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** All that there ever were, the newest first. */
  async all(): Promise<CodeKeyRow[]> {
    const sql = "SELECT number, id, fingerprint FROM code_keys ORDER BY number DESC";
    const rows = await this.database.select({ sql, values: [] });
    return rows.map((row) => ({
      number: row.number as bigint,
      id: row.id as string,
      fingerprint: row.fingerprint as string,
    }));
  }

  /** Adds a key. Rejects with a duplicate key where another replica has added one of that number, or id, before. */
  async add({ number, id, fingerprint }: CodeKeyRow): Promise<void> {
    const row = [number, id, fingerprint, now()];
    await this.database.commit([insertInto("code_keys", ["number", "id", "fingerprint", "created_at"], [row])]);
  }

  /** Whether any card's code is kept under a key. */
  async isInUse(id: string): Promise<boolean> {
    const sql = "SELECT id FROM cards WHERE seal_key_id = ? LIMIT 1";
    return (await this.database.select({ sql, values: [id] })).length > 0;
  }

  /** Some codes that are kept under these keys, locked. */
  async someKeptUnder(session: Session, keyIds: readonly string[], limit: number): Promise<KeptCode[]> {
    const [rows = []] = await session.run([
      {
        sql: `SELECT id, sealed_code, seal_key_id FROM cards WHERE seal_key_id IN (${placeholders(keyIds.length)})
              ORDER BY id LIMIT ?${this.database.forUpdate}`,
        values: [...keyIds, BigInt(limit)],
      },
    ]);
    return rows.map((row) => ({
      cardId: row.id as bigint,
      code: { sealed: row.sealed_code as Uint8Array, sealKeyId: row.seal_key_id as string },
    }));
  }
}

/** Keeps a card's code otherwise. */
export function updateCode(cardId: bigint, { searchKey, searchKeyId, sealed, sealKeyId }: SealedCode): Statement {
  return {
    sql: "UPDATE cards SET search_key = ?, search_key_id = ?, sealed_code = ?, seal_key_id = ? WHERE id = ?",
    values: [searchKey, searchKeyId, sealed, sealKeyId, cardId],
  };
}
