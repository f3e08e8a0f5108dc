import type { Database, Row, Statement } from "../database/database.ts";
import { upsertInto } from "../database/statements.ts";
import { now } from "../time.ts";
import type { Event } from "./transport.ts";

/** No replica takes an event that another one is trying, for so long. */
const claimedFor = 60_000_000n;

/** An event that its consumer has failed on. */
export interface FailedEvent {
  readonly consumer: string;
  readonly event: Event;
  /** What the consumer last said. */
  readonly error: string;
  readonly attempts: number;
  readonly nextAttemptAt: bigint;
  /** 0 while it is retried; then it is a dead letter. */
  readonly deadAt: bigint;
}

const columns = [
  "consumer",
  "event_id",
  "subject",
  "payload",
  "traceparent",
  "request_id",
  "error",
  "attempts",
  "next_attempt_at",
  "dead_at",
] as const;

const select = `SELECT ${columns.join(", ")} FROM failed_events`;

/** The events that a service's consumers have failed on, in the service's database. */
export class FailedEvents {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Keeps an event after its first failure. One that is kept already stays as it is. */
  async keep({ consumer, event, error, attempts, nextAttemptAt, deadAt }: FailedEvent): Promise<void> {
    const { id, subject, payload, traceparent, requestId } = event;
    const row = [
      ...[consumer, id, subject, payload, traceparent, requestId],
      ...[error, BigInt(attempts), nextAttemptAt, deadAt],
    ];
    const keeping = upsertInto(this.database.dialect, "failed_events", columns, [row], {
      key: ["consumer", "event_id"],
      update: [],
    });
    await this.database.write([keeping]);
  }

  /** Notes that it has failed again. */
  async note({ consumer, event, error, attempts, nextAttemptAt, deadAt }: FailedEvent): Promise<void> {
    await this.database.write([
      {
        sql:
          "UPDATE failed_events SET error = ?, attempts = ?, next_attempt_at = ?, dead_at = ? " +
          "WHERE consumer = ? AND event_id = ?",
        values: [error, BigInt(attempts), nextAttemptAt, deadAt, consumer, event.id],
      },
    ]);
  }

  async forget(failed: FailedEvent): Promise<void> {
    await this.database.write([this.forgetting(failed)]);
  }

  /** The statement that ends its story, for the transaction of its effect. */
  forgetting({ consumer, event }: FailedEvent): Statement {
    return { sql: "DELETE FROM failed_events WHERE consumer = ? AND event_id = ?", values: [consumer, event.id] };
  }

  /** Takes an event to try it; answers false where another replica was first. */
  async claim({ consumer, event, nextAttemptAt }: FailedEvent): Promise<boolean> {
    const claimed: number = await this.database.transaction(({ knex }) =>
      knex("failed_events")
        .where({ consumer, event_id: event.id, next_attempt_at: nextAttemptAt, dead_at: 0n })
        .update({ next_attempt_at: now() + claimedFor }),
    );
    return claimed === 1;
  }

  /** Events whose time to be tried has come. */
  async due(): Promise<FailedEvent[]> {
    const rows = await this.database.select({
      sql: `${select} WHERE dead_at = 0 AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT 100`,
      values: [now()],
    });
    return rows.map(failedEventOf);
  }

  /** Dead letters, the oldest first; those after one of them, where it is given. */
  async dead(limit: number, after?: FailedEvent): Promise<FailedEvent[]> {
    const beyond = "(dead_at > ? OR (dead_at = ? AND (consumer > ? OR (consumer = ? AND event_id > ?))))";
    const rows = await this.database.select({
      sql: `${select} WHERE dead_at > 0${after ? ` AND ${beyond}` : ""} ORDER BY dead_at, consumer, event_id LIMIT ?`,
      values: [
        ...(after ? [after.deadAt, after.deadAt, after.consumer, after.consumer, after.event.id] : []),
        BigInt(limit),
      ],
    });
    return rows.map(failedEventOf);
  }

  async deadCount(): Promise<number> {
    const [row] = await this.database.select({
      sql: "SELECT COUNT(*) AS dead FROM failed_events WHERE dead_at > 0",
      values: [],
    });
    return Number(row?.dead);
  }
}

function failedEventOf(row: Row): FailedEvent {
  return {
    consumer: row.consumer as string,
    event: {
      id: row.event_id as string,
      subject: row.subject as string,
      payload: row.payload as Uint8Array,
      traceparent: row.traceparent as string,
      requestId: row.request_id as string,
    },
    error: row.error as string,
    attempts: Number(row.attempts),
    nextAttemptAt: row.next_attempt_at as bigint,
    deadAt: row.dead_at as bigint,
  };
}
