import type { Message } from "@bufbuild/protobuf";
import type { Database, Statement } from "../database/database.ts";
import { retryTransient } from "../database/retry.ts";
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
   * written with them. Rejects where their consumer does, or one has been handled, or is being retried in its own time.
   */
  async handle(consumer: Consumer, events: readonly Event[], beside: readonly Statement[] = []): Promise<void> {
    const ids = events.map(({ id }) => id);
    const load = [this.remembering(consumer, ids), ...beside, selectIds("failed_events", consumer.name, ids)];
    const handled = await retryTransient(() => {
      const { promise: outcome, resolve, reject } = Promise.withResolvers<Message[]>();
      const handling = this.database.batch(load, async (rows, session) => {
        if (rows.at(-1)?.length !== 0) throw new Error("An event that is being retried has come again");
        return handle(consumer, events, { session, outcome });
      });
      handling.then(resolve, reject);
      return outcome;
    });
    consumer.committed?.(handled);
  }

  /** Those of the ids that need not be handled any more, or are being retried in their own time. */
  async settled(consumer: Consumer, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const handled = selectIds("inbox", consumer.name, ids);
    const retried = selectIds("failed_events", consumer.name, ids);
    const rows = await this.database.select({
      sql: `${handled.sql} UNION ${retried.sql}`,
      values: [...handled.values, ...retried.values],
    });
    return new Set(rows.map((row) => row.event_id as string));
  }

  /** Whether an event has had its effect. */
  async hasHandled(consumer: string, id: string): Promise<boolean> {
    const rows = await this.database.select(selectIds("inbox", consumer, [id]));
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

  private remembering(consumer: Consumer, ids: readonly string[]): Statement {
    const handledAt = now();
    return insertInto(
      "inbox",
      ["consumer", "event_id", "handled_at"],
      ids.map((id) => [consumer.name, id, handledAt]),
    );
  }
}

/** Which of the ids a table has for a consumer. */
function selectIds(table: "inbox" | "failed_events", consumer: string, ids: readonly string[]): Statement {
  const these = `consumer = ? AND event_id IN (${placeholders(ids.length)})`;
  return { sql: `SELECT event_id FROM ${table} WHERE ${these}`, values: [consumer, ...ids] };
}
