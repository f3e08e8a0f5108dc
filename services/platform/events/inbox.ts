import type { Database, Statement } from "../database/database.ts";
import { insertInto, placeholders } from "../database/statements.ts";
import type { Worker } from "../service.ts";
import { now } from "../time.ts";
import type { Consumer } from "./consumer.ts";
import { handle } from "./handling.ts";
import { handledKeptForMs } from "./retention.ts";
import type { Event } from "./transport.ts";

/**
 * Remembers which events have been handled. The row is written with the effect, so an event has its effect exactly
 * once, however often it comes and whichever replica it comes to.
 */
export class Inbox {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /**
   * Has the effects of new events, in order, in one transaction: all of them or, where one fails, none. `beside` is
   * written with them.
   */
  async handle(consumer: Consumer, events: readonly Event[], beside: readonly Statement[] = []): Promise<void> {
    const handled = await this.database.transaction(async (tx) => {
      await tx.run([this.remembering(consumer, events), ...beside]);
      const messages = await handle(consumer, events, tx);
      // Another replica may have handled one of them, and none of the others.
      tx.isSettled = true;
      return messages;
    });
    consumer.committed?.(handled);
  }

  /** Those of the ids that need not be handled any more, or are being retried in their own time. */
  async settled(consumer: Consumer, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const these = `consumer = ? AND event_id IN (${placeholders(ids.length)})`;
    const rows = await this.database.select({
      sql: `SELECT event_id FROM inbox WHERE ${these} UNION SELECT event_id FROM failed_events WHERE ${these}`,
      values: [consumer.name, ...ids, consumer.name, ...ids],
    });
    return new Set(rows.map((row) => row.event_id as string));
  }

  /** Whether an event has had its effect. */
  async hasHandled(consumer: string, id: string): Promise<boolean> {
    const rows = await this.database.select({
      sql: "SELECT event_id FROM inbox WHERE consumer = ? AND event_id = ?",
      values: [consumer, id],
    });
    return rows.length > 0;
  }

  /** Forgets events that cannot come again. */
  get purge(): Worker {
    return {
      name: "purge-inbox",
      everyMs: 600_000,
      alone: true,
      run: async () => {
        const old = {
          sql: "DELETE FROM inbox WHERE handled_at < ?",
          values: [now() - BigInt(handledKeptForMs) * 1_000n],
        };
        await this.database.write([old], { isLong: true });
      },
    };
  }

  private remembering(consumer: Consumer, events: readonly Event[]): Statement {
    const handledAt = now();
    return insertInto(
      "inbox",
      ["consumer", "event_id", "handled_at"],
      events.map((event) => [consumer.name, event.id, handledAt]),
    );
  }
}
