import type { Database, Session, Statement } from "../database/database.ts";
import { createTable } from "../database/migrate.ts";
import { insertInto, placeholders } from "../database/statements.ts";
import type { Migration } from "../service.ts";
import { now } from "../time.ts";
import type { KeptCode, SealedCode } from "./kept-code.ts";

/** Makes the table that says which keys codes are kept under. */
export function codeKeysMigration(name: string): Migration {
  return {
    name,
    up: (knex) =>
      createTable(knex, "code_keys", (table) => {
        // From 1, without gaps: of replicas that add a key at once, one is refused and looks again.
        table.bigInteger("number").primary();
        table.string("id", 16).notNullable().unique();
        table.string("fingerprint", 16).notNullable();
        table.bigInteger("created_at").notNullable();
      }),
  };
}

/** A key that codes are or were kept under; never the key itself. */
export interface CodeKeyRow {
  /** In the order in which they came. */
  readonly number: bigint;
  readonly id: string;
  readonly fingerprint: string;
}

/** A row with a code, to be kept under another key. */
export interface CodedRow {
  readonly id: bigint;
  readonly code: SealedCode;
}

/**
 * Which keys the codes of a table are kept under. Its columns are `id`, `search_key`, `search_key_id`, `sealed_code` and
 * `seal_key_id`, the last of them indexed; those of a row that has no code yet are null.
 */
export class CodeKeyRows {
  private readonly database: Database;
  private readonly table: string;

  constructor(database: Database, table: string) {
    this.database = database;
    this.table = table;
  }

  /** All keys that there ever were, the newest first. */
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

  /** Whether any code is kept under a key. */
  async isInUse(id: string): Promise<boolean> {
    const sql = `SELECT id FROM ${this.table} WHERE seal_key_id = ? LIMIT 1`;
    return (await this.database.select({ sql, values: [id] })).length > 0;
  }

  /** Some rows whose codes are kept under these keys, locked. */
  async someKeptUnder(session: Session, keyIds: readonly string[], limit: number): Promise<CodedRow[]> {
    const [rows = []] = await session.run([
      {
        sql: `SELECT id, sealed_code, seal_key_id FROM ${this.table} WHERE seal_key_id IN (${placeholders(keyIds.length)})
              ORDER BY id LIMIT ?${this.database.forUpdate}`,
        values: [...keyIds, BigInt(limit)],
      },
    ]);
    return rows.map((row) => ({
      id: row.id as bigint,
      code: { sealed: row.sealed_code as Uint8Array, sealKeyId: row.seal_key_id as string },
    }));
  }

  /** Keeps a row's code otherwise. */
  updateCode(id: bigint, { searchKey, searchKeyId, sealed, sealKeyId }: KeptCode): Statement {
    return {
      sql: `UPDATE ${this.table} SET search_key = ?, search_key_id = ?, sealed_code = ?, seal_key_id = ? WHERE id = ?`,
      values: [searchKey, searchKeyId, sealed, sealKeyId, id],
    };
  }
}
