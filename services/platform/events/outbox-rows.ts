import type { Database, Row } from "../database/database.ts";
import { placeholders, upsertInto } from "../database/statements.ts";
import type { Worker } from "../service.ts";
import { type Instant, now } from "../time.ts";
import { leastIdSince } from "./outbox.ts";
import { sentKeptForMs } from "./retention.ts";
import type { Event } from "./transport.ts";

/** What the one row is called that says which store events were last sent to. */
const onlyStore = "road";

/** An outbox as its relay sees it. */
export class OutboxRows {
  private readonly service: string;
  private readonly database: Database;

  constructor(service: string, database: Database) {
    this.service = service;
    this.database = database;
  }

  /** The events that have not been sent, the oldest first. */
  async unsent(limit: number): Promise<Row[]> {
    return this.database.select({
      sql: "SELECT id, subject, payload, traceparent, request_id FROM outbox WHERE sent_at = 0 ORDER BY id LIMIT ?",
      values: [BigInt(limit)],
    });
  }

  async unsentCount(): Promise<number> {
    const [row] = await this.database.select({
      sql: "SELECT COUNT(*) AS unsent FROM outbox WHERE sent_at = 0",
      values: [],
    });
    return Number(row?.unsent);
  }

  /** A row as an event, with an id that no other service has. */
  eventOf(row: Row): Event {
    return {
      id: `${this.service}-${row.id}`,
      subject: row.subject as string,
      payload: row.payload as Uint8Array,
      traceparent: row.traceparent as string,
      requestId: row.request_id as string,
    };
  }

  async markSent(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const ids = rows.map((row) => row.id as string);
    await this.database.write([
      { sql: `UPDATE outbox SET sent_at = ? WHERE id IN (${placeholders(ids.length)})`, values: [now(), ...ids] },
    ]);
  }

  /** The store that events were last sent to; undefined where none ever was. */
  async store(): Promise<string | undefined> {
    const [row] = await this.database.select({ sql: "SELECT store FROM relay_store", values: [] });
    return row?.store as string | undefined;
  }

  /** When an event was last sent; 0 where none that is kept was. */
  async lastSentAt(): Promise<Instant> {
    const [row] = await this.database.select({ sql: "SELECT MAX(sent_at) AS last FROM outbox", values: [] });
    return (row?.last as Instant | null | undefined) ?? 0n;
  }

  /** Has everything that was sent since an instant, or is still kept, sent again, to this store. */
  async resend(sentSince: Instant, store: string): Promise<void> {
    const upsert = { key: ["name"], update: ["store"] };
    await this.database.write(
      [
        { sql: "UPDATE outbox SET sent_at = 0 WHERE sent_at > ?", values: [sentSince] },
        upsertInto(this.database.dialect, "relay_store", ["name", "store"], [[onlyStore, store]], upsert),
      ],
      { isLong: true },
    );
  }

  /** Forgets events that were sent, once they are kept no longer. */
  get purge(): Worker {
    return {
      name: "purge-outbox",
      everyMs: 600_000,
      alone: true,
      run: async () => {
        const old = {
          sql: "DELETE FROM outbox WHERE id < ? AND sent_at > 0",
          values: [leastIdSince(now() - BigInt(sentKeptForMs) * 1_000n)],
        };
        await this.database.write([old], { isLong: true });
      },
    };
  }
}
