import { randomInt } from "node:crypto";
import type { Database, Row } from "../../platform/database/database.ts";
import { placeholders } from "../../platform/database/statements.ts";
import type { Instant } from "../../platform/time.ts";
import { pagesByTime } from "./by-time.ts";

/** How many are read at a time: what is written together is of at most so many users. */
const usersAtOnce = 200;

/** Has what was sent, or given up, sent again: with the same ids and the same bytes. */
export class Replays {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /**
   * Replays what happened from one instant up to another, both included; answers how many deliveries. What happened to
   * one user begins to wait in one transaction: of one user, nothing new overtakes what is sent again.
   */
  async since(from: Instant, to: Instant): Promise<bigint> {
    const replay = randomId();
    let replayed = 0n;
    for await (const page of pagesByTime(this.database, from, to, usersAtOnce)) {
      // A user's deliveries are on many pages, and are put back at the first of them.
      const userIds = usersOf(page.filter((row) => row.replay !== replay));
      if (userIds.length === 0) continue;
      replayed += await this.putBack(
        replay,
        `state IN ('sent', 'dead', 'waiting') AND user_id IN (${placeholders(userIds.length)}) ` +
          "AND occurred_at BETWEEN ? AND ?",
        [...userIds, from, to],
      );
    }
    return replayed;
  }

  /** Replays what was given up; answers how many deliveries. */
  async dead(): Promise<bigint> {
    const replay = randomId();
    let replayed = 0n;
    let lastUser = 0n;
    for (;;) {
      const rows = await this.database.select({
        sql: "SELECT DISTINCT user_id FROM deliveries WHERE state = 'dead' AND user_id > ? ORDER BY user_id LIMIT ?",
        values: [lastUser, BigInt(usersAtOnce)],
      });
      const userIds = usersOf(rows);
      const end = userIds.at(-1);
      if (end === undefined) return replayed;
      lastUser = end;
      const condition = `state = 'dead' AND user_id IN (${placeholders(userIds.length)})`;
      replayed += await this.putBack(replay, condition, userIds);
    }
  }

  /** Has deliveries wait as if they were new, in one transaction; answers how many did not wait already. */
  private async putBack(replay: bigint, condition: string, values: readonly bigint[]): Promise<bigint> {
    const [found = []] = await this.database.transaction((tx) =>
      tx.run([
        { sql: `SELECT state FROM deliveries WHERE ${condition}${this.database.forUpdate}`, values },
        {
          sql:
            "UPDATE deliveries SET state = 'waiting', attempts = 0, next_attempt_at = 0, replay = ? " +
            `WHERE ${condition}`,
          values: [replay, ...values],
        },
      ]),
    );
    return BigInt(found.filter((row) => row.state !== "waiting").length);
  }
}

function usersOf(rows: readonly Row[]): bigint[] {
  return [...new Set(rows.map((row) => row.user_id as bigint))];
}

/** What a replay knows by what it has put back: no clock is asked. */
function randomId(): bigint {
  return BigInt(randomInt(1, 2 ** 47));
}
