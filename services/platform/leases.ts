import { randomUUID } from "node:crypto";
import type { Database } from "./database/database.ts";
import { createTable } from "./database/migrate.ts";
import { presentOf, upsertInto } from "./database/statements.ts";
import type { Migration } from "./service.ts";
import { pause } from "./waiting.ts";

export const leasesMigration: Migration = {
  name: "000-leases",
  up: (knex) =>
    createTable(knex, "leases", (table) => {
      table.string("name", 100).primary();
      table.string("holder", 36).notNullable();
      table.bigInteger("expires_at").notNullable();
    }),
};

/**
 * Lets one replica at a time do what is better not done by two. A lease ends by the database's clock, and a replica that
 * stands still does not see it end, so nothing may rely on it to be correct: it keeps order and saves work.
 */
export class Leases {
  private readonly database: Database;
  private readonly lifetimeMs: number;
  /** SQL for this instant. */
  private readonly present: string;

  /** A lease of a replica that has died can be had after `lifetimeMs`. */
  constructor(database: Database, lifetimeMs = 6_000) {
    this.database = database;
    this.lifetimeMs = lifetimeMs;
    this.present = presentOf(database.dialect);
  }

  /**
   * Does the work while this replica holds the lease; answers false, and does nothing, where another one does. `lost`
   * is aborted when the lease is lost before the work has ended.
   */
  async during(name: string, work: (lost: AbortSignal) => Promise<void>): Promise<boolean> {
    const holder = randomUUID();
    if (!(await this.isFree(name)) || !(await this.take(name, holder))) return false;
    const lost = new AbortController();
    const ended = new AbortController();
    const renewed = this.renew(name, holder, ended.signal).then(() => lost.abort());
    try {
      await work(lost.signal);
    } finally {
      ended.abort();
      await renewed;
      await this.release(name, holder).catch(() => undefined);
    }
    return true;
  }

  /** Saves those who wait for a lease from writing again and again. */
  private async isFree(name: string): Promise<boolean> {
    const sql = `SELECT name FROM leases WHERE name = ? AND expires_at > ${this.present}`;
    return (await this.database.select({ sql, values: [name] })).length === 0;
  }

  /** Takes the lease, or goes on holding it. Answers whether it is the holder's now. */
  private take(name: string, holder: string): Promise<boolean> {
    const { database, present } = this;
    return database.transaction(async (tx) => {
      const [, , rows] = await tx.run([
        upsertInto(database.dialect, "leases", ["name", "holder", "expires_at"], [[name, holder, 0n]], {
          key: ["name"],
          update: [],
        }),
        {
          sql: `UPDATE leases SET holder = ?, expires_at = ${present} + ?
                WHERE name = ? AND (holder = ? OR expires_at <= ${present})`,
          values: [holder, BigInt(this.lifetimeMs) * 1_000n, name, holder],
        },
        { sql: "SELECT holder FROM leases WHERE name = ?", values: [name] },
      ]);
      return rows?.[0]?.holder === holder;
    });
  }

  /** Goes on until the work has ended, or the lease is lost: taken by another, or not renewed before it expired, by a clock that is never set. */
  private async renew(name: string, holder: string, ended: AbortSignal): Promise<void> {
    let expiresAt = performance.now() + this.lifetimeMs;
    while (!ended.aborted && performance.now() < expiresAt) {
      await pause(this.lifetimeMs / 3, ended);
      if (ended.aborted) return;
      const expiresNext = performance.now() + this.lifetimeMs;
      const held = await this.take(name, holder).catch(() => undefined);
      if (held === false) return;
      if (held) expiresAt = expiresNext;
    }
  }

  private async release(name: string, holder: string): Promise<void> {
    await this.database.write([
      { sql: "UPDATE leases SET expires_at = 0 WHERE name = ? AND holder = ?", values: [name, holder] },
    ]);
  }
}
