import type { Database } from "../../platform/database/database.ts";
import { isDuplicateKey } from "../../platform/database/failures.ts";
import { insertInto } from "../../platform/database/statements.ts";
import { now } from "../../platform/time.ts";

/** A signing key as it is kept. */
export interface SigningKeyRow {
  readonly number: bigint;
  readonly keyId: string;
  /** A JWK, as JSON. */
  readonly privateJwk: string;
}

/** The signing keys that were made here. */
export class SigningKeyRows {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** All there are, the newest first. */
  async all(): Promise<SigningKeyRow[]> {
    const rows = await this.database.select({
      sql: "SELECT number, key_id, private_jwk FROM signing_keys ORDER BY number DESC",
      values: [],
    });
    return rows.map((row) => ({
      number: row.number as bigint,
      keyId: row.key_id as string,
      privateJwk: row.private_jwk as string,
    }));
  }

  /** Adds a key; answers false where another replica has added one of that number before. */
  async add({ number, keyId, privateJwk }: SigningKeyRow): Promise<boolean> {
    try {
      await this.database.write([
        insertInto(
          "signing_keys",
          ["number", "key_id", "private_jwk", "created_at"],
          [[number, keyId, privateJwk, now()]],
        ),
      ]);
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }
}
