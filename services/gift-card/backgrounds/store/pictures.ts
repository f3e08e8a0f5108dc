import type { Database, Session } from "../../../platform/database/database.ts";
import { insertInto } from "../../../platform/database/statements.ts";
import type { Instant } from "../../../platform/time.ts";

/** Which pictures there are files of, and which of them are to go. */
export class PictureRows {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Makes a picture known before its files are: they go at that instant unless it is kept. */
  async announce(picture: string, removeAfter: Instant): Promise<void> {
    await this.database.write([insertInto("pictures", ["id", "remove_after"], [[picture, removeAfter]])]);
  }

  /** Keeps a picture for the background that is written beside it. Answers whether it is still there. */
  async keep(session: Session, picture: string, at: Instant): Promise<boolean> {
    const [rows = []] = await session.run([
      {
        sql: `SELECT id FROM pictures WHERE id = ? AND remove_after > ?${this.database.forUpdate}`,
        values: [picture, at],
      },
      { sql: "UPDATE pictures SET remove_after = NULL WHERE id = ? AND remove_after > ?", values: [picture, at] },
    ]);
    return rows.length === 1;
  }

  /** Has the files of a picture go at an instant. */
  async release(session: Session, picture: string, removeAfter: Instant): Promise<void> {
    await session.run([{ sql: "UPDATE pictures SET remove_after = ? WHERE id = ?", values: [removeAfter, picture] }]);
  }

  /** Pictures whose files are to be gone by an instant, in order, after another. Nobody can keep them any more. */
  async due(at: Instant, after: string, limit: number): Promise<string[]> {
    const rows = await this.database.select({
      sql: "SELECT id FROM pictures WHERE remove_after <= ? AND id > ? ORDER BY id LIMIT ?",
      values: [at, after, BigInt(limit)],
    });
    return rows.map(({ id }) => id as string);
  }

  /** Forgets a picture whose files are gone. */
  async forget(picture: string): Promise<void> {
    await this.database.write([{ sql: "DELETE FROM pictures WHERE id = ?", values: [picture] }]);
  }
}
