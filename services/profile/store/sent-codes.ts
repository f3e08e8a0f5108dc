import type { Database, Session } from "../../platform/database/database.ts";
import { upsertInto } from "../../platform/database/statements.ts";
import type { Instant } from "../../platform/time.ts";
import type { Channel } from "../domain/contact.ts";
import { codeGoodFor, type SentCode } from "../domain/verification.ts";

/** The newest verification code of each person and channel; the row of the user is what they are locked by. */
export class SentCodes {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(session: Session, userId: bigint, channel: Channel): Promise<SentCode | undefined> {
    const [rows] = await session.run([
      {
        sql: "SELECT hash, tries, sent_at FROM verification_codes WHERE user_id = ? AND channel = ?",
        values: [userId, channel],
      },
    ]);
    const row = rows?.[0];
    return row && { hash: row.hash as Uint8Array, tries: row.tries as bigint, sentAt: row.sent_at as bigint };
  }

  /** Puts a new code in the place of the one before. */
  async replace(session: Session, userId: bigint, channel: Channel, hash: Uint8Array, at: Instant): Promise<void> {
    await session.run([
      upsertInto(
        this.database.dialect,
        "verification_codes",
        ["user_id", "channel", "hash", "tries", "sent_at"],
        [[userId, channel, hash, 0n, at]],
        { key: ["user_id", "channel"], update: ["hash", "tries", "sent_at"] },
      ),
    ]);
  }

  async countTry(session: Session, userId: bigint, channel: Channel): Promise<void> {
    await session.run([
      {
        sql: "UPDATE verification_codes SET tries = tries + 1 WHERE user_id = ? AND channel = ?",
        values: [userId, channel],
      },
    ]);
  }

  async delete(session: Session, userId: bigint, channel: Channel): Promise<void> {
    await session.run([
      { sql: "DELETE FROM verification_codes WHERE user_id = ? AND channel = ?", values: [userId, channel] },
    ]);
  }

  /** When a code was last sent to a contact, by whomever; 0 where none was. The contact is locked from now on. */
  async lockContact(session: Session, contact: Uint8Array): Promise<Instant> {
    const [, rows] = await session.run([
      upsertInto(this.database.dialect, "contacts_sent_to", ["id", "sent_at"], [[contact, 0n]], {
        key: ["id"],
        update: [],
      }),
      { sql: `SELECT sent_at FROM contacts_sent_to WHERE id = ?${this.database.forUpdate}`, values: [contact] },
    ]);
    return rows?.[0]?.sent_at as Instant;
  }

  async markContact(session: Session, contact: Uint8Array, at: Instant): Promise<void> {
    await session.run([{ sql: "UPDATE contacts_sent_to SET sent_at = ? WHERE id = ?", values: [at, contact] }]);
  }

  /** Forgets what is no longer good at this instant. */
  async purge(at: Instant): Promise<void> {
    await this.database.write([
      { sql: "DELETE FROM verification_codes WHERE sent_at < ?", values: [at - codeGoodFor] },
      { sql: "DELETE FROM contacts_sent_to WHERE sent_at < ?", values: [at - codeGoodFor] },
    ]);
  }
}
