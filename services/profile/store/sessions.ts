import type { Database, Session, Statement } from "../../platform/database/database.ts";
import { insertInto } from "../../platform/database/statements.ts";
import type { Instant } from "../../platform/time.ts";
import { type PresentedToken, refreshTokenGoodFor } from "../domain/session.ts";

/** Sessions and their refresh tokens, of which only hashes are kept. */
export class Sessions {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async start(session: Session, id: bigint, userId: bigint, tokenHash: Uint8Array, at: Instant): Promise<void> {
    await session.run([
      insertInto("sessions", ["id", "user_id", "created_at", "refreshed_at"], [[id, userId, at, at]]),
      issuing(id, tokenHash, at),
    ]);
  }

  /** A refresh token and its session, locked: of those who present it at once, each sees what the one before did. */
  async present(session: Session, tokenHash: Uint8Array): Promise<PresentedToken | undefined> {
    const [rows] = await session.run([
      {
        sql: `SELECT s.id, s.user_id, s.ended_at, t.issued_at, t.used_at
              FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = ?${this.database.forUpdate}`,
        values: [tokenHash],
      },
    ]);
    const row = rows?.[0];
    return (
      row && {
        sessionId: row.id as bigint,
        userId: row.user_id as bigint,
        issuedAt: row.issued_at as bigint,
        isUsed: row.used_at !== null,
        isEnded: row.ended_at !== null,
      }
    );
  }

  /** Puts the next refresh token in the place of the one that was presented. */
  async renew(
    session: Session,
    id: bigint,
    presentedHash: Uint8Array,
    nextHash: Uint8Array,
    at: Instant,
  ): Promise<void> {
    await session.run([
      { sql: "UPDATE refresh_tokens SET used_at = ? WHERE hash = ?", values: [at, presentedHash] },
      { sql: "UPDATE sessions SET refreshed_at = ? WHERE id = ?", values: [at, id] },
      issuing(id, nextHash, at),
    ]);
  }

  async end(session: Session, id: bigint, at: Instant): Promise<void> {
    await session.run([
      { sql: "UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL", values: [at, id] },
    ]);
  }

  /** The sessions that have ended since an instant. */
  async endedSince(since: Instant): Promise<bigint[]> {
    const rows = await this.database.select({ sql: "SELECT id FROM sessions WHERE ended_at >= ?", values: [since] });
    return rows.map((row) => row.id as bigint);
  }

  /** Forgets what nobody can go on with any more at this instant. */
  async purge(at: Instant): Promise<void> {
    const before = at - refreshTokenGoodFor;
    await this.database.write([
      { sql: "DELETE FROM refresh_tokens WHERE issued_at < ?", values: [before] },
      { sql: "DELETE FROM sessions WHERE refreshed_at < ?", values: [before] },
    ]);
  }
}

function issuing(sessionId: bigint, hash: Uint8Array, at: Instant): Statement {
  return insertInto("refresh_tokens", ["hash", "session_id", "issued_at"], [[hash, sessionId, at]]);
}
