import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { placeholders, presentOf, upsertInto } from "../../platform/database/statements.ts";
import { Lane } from "../../platform/lane.ts";
import { type Instant, now } from "../../platform/time.ts";
import { pagesByTime } from "./by-time.ts";
import type { Delivery, DeliveryType, NextStep } from "./delivery.ts";

const columns = [
  "type",
  "order_id",
  "user_id",
  "body",
  "occurred_at",
  "state",
  "attempts",
  "next_attempt_at",
  "error",
  "sent_at",
  "replay",
] as const;

const selected = ["place", ...columns].map((column) => `deliveries.${column}`).join(", ");

const mostErrorLength = 1_000;

const purgedAtOnce = 500;

type StepOf<Kind> = Extract<NextStep, { readonly kind: Kind }>;

/** What is known of a delivery before it is in the database. */
export type NewDelivery = Pick<Delivery, "type" | "orderId" | "userId" | "body" | "occurredAt">;

/** What came of an attempt: the platform has taken the delivery of a place, or what notes anything else. */
type Note = { readonly sent: bigint } | Statement;

/** The first delivery that waits for a user, and whether more do. */
export interface Head extends Delivery {
  readonly hasMore: boolean;
}

/** How many deliveries wait to be sent, and how many were given up. */
export interface DeliveryCounts {
  readonly waiting: number;
  readonly dead: number;
}

/** The statement that adds a delivery; one that is there already stays as it is. */
export function insertingDelivery(dialect: Database["dialect"], delivery: NewDelivery): Statement {
  const { type, orderId, userId, body, occurredAt } = delivery;
  const row = [type, orderId, userId, body, occurredAt, "waiting", 0n, 0n, "", 0n, 0n];
  return upsertInto(dialect, "deliveries", columns, [row], { key: ["order_id", "type"], update: [] });
}

function notingSent(places: readonly bigint[]): Statement {
  return {
    sql: `UPDATE deliveries SET state = 'sent', sent_at = ?, error = '' WHERE place IN (${placeholders(places.length)})`,
    values: [now(), ...places],
  };
}

/**
 * The deliveries, in the database, for the one who sends them. When one may be tried again is told by the database's
 * clock.
 */
export class Deliveries {
  private readonly database: Database;
  /** SQL for this instant. */
  private readonly present: string;
  /** What came of attempts at the same time is written together. */
  private readonly notes: Lane<Note, undefined>;

  constructor(database: Database) {
    this.database = database;
    this.present = presentOf(database.dialect);
    this.notes = new Lane(async (notes) => {
      const sent = notes.flatMap((note) => ("sent" in note ? [note.sent] : []));
      const others = notes.flatMap((note) => ("sent" in note ? [] : [note]));
      await database.commit([...(sent.length > 0 ? [notingSent(sent)] : []), ...others]);
      return notes.map(() => ({ answer: undefined }));
    });
  }

  /** The last place that is taken; 0 where none is. */
  async lastPlace(): Promise<bigint> {
    const [row] = await this.database.select({ sql: "SELECT MAX(place) AS place FROM deliveries", values: [] });
    return (row?.place as bigint | null) ?? 0n;
  }

  /** What was added after a place: the places and whose they are, in order. */
  async addedAfter(place: bigint, limit: number): Promise<Pick<Delivery, "place" | "userId">[]> {
    const rows = await this.database.select({
      sql: "SELECT place, user_id FROM deliveries WHERE place > ? ORDER BY place LIMIT ?",
      values: [place, BigInt(limit)],
    });
    return rows.map((row) => ({ place: row.place as bigint, userId: row.user_id as bigint }));
  }

  /** Users for whom deliveries wait, in the order of their ids, those after a user. */
  async waitingUsers(after: bigint, limit: number): Promise<bigint[]> {
    const rows = await this.database.select({
      sql: "SELECT DISTINCT user_id FROM deliveries WHERE state = 'waiting' AND user_id > ? ORDER BY user_id LIMIT ?",
      values: [after, BigInt(limit)],
    });
    return rows.map((row) => row.user_id as bigint);
  }

  /** Of each of these users the first delivery that waits, where its time has come. */
  async dueHeads(userIds: readonly bigint[]): Promise<Head[]> {
    if (userIds.length === 0) return [];
    const rows = await this.database.select({
      sql:
        `SELECT ${selected}, heads.last_place FROM ` +
        "(SELECT MIN(place) AS place, MAX(place) AS last_place FROM deliveries " +
        `WHERE state = 'waiting' AND user_id IN (${placeholders(userIds.length)}) GROUP BY user_id) AS heads ` +
        `JOIN deliveries ON deliveries.place = heads.place WHERE deliveries.next_attempt_at <= ${this.present}`,
      values: userIds,
    });
    return rows.map((row) => ({ ...deliveryOf(row), hasMore: row.place !== row.last_place }));
  }

  /** Notes that the platform has taken a delivery. */
  async noteSent({ place }: Delivery): Promise<void> {
    await this.notes.submit({ sent: place });
  }

  /** Notes a failed attempt, and how long the next one has to wait. */
  async notePostponed({ place }: Delivery, { attempts, pauseMs, error }: StepOf<"retry">): Promise<void> {
    await this.notes.submit({
      sql:
        `UPDATE deliveries SET attempts = ?, next_attempt_at = ${this.present} + ?, error = ? ` +
        "WHERE place = ? AND state = 'waiting'",
      values: [BigInt(attempts), BigInt(pauseMs) * 1_000n, error.slice(0, mostErrorLength), place],
    });
  }

  /** Notes a failed attempt that was the last one. */
  async noteDead({ place }: Delivery, { attempts, error }: StepOf<"give_up">): Promise<void> {
    await this.notes.submit({
      sql: "UPDATE deliveries SET state = 'dead', attempts = ?, error = ? WHERE place = ? AND state = 'waiting'",
      values: [BigInt(attempts), error.slice(0, mostErrorLength), place],
    });
  }

  async counts(): Promise<DeliveryCounts> {
    const rows = await this.database.select({
      sql: "SELECT state, COUNT(*) AS count FROM deliveries WHERE state IN ('waiting', 'dead') GROUP BY state",
      values: [],
    });
    const countOf = (state: string) => Number(rows.find((row) => row.state === state)?.count ?? 0n);
    return { waiting: countOf("waiting"), dead: countOf("dead") };
  }

  /** Those that were given up, the oldest first. */
  async dead(limit: number): Promise<Delivery[]> {
    const rows = await this.database.select({
      sql: `SELECT ${selected} FROM deliveries WHERE state = 'dead' ORDER BY place LIMIT ?`,
      values: [BigInt(limit)],
    });
    return rows.map(deliveryOf);
  }

  /** Forgets what was sent and happened before an instant. */
  async purgeSent(before: Instant, stopping: AbortSignal): Promise<void> {
    for await (const page of pagesByTime(this.database, 0n, before - 1n, purgedAtOnce)) {
      const places = page.filter((row) => row.state === "sent").map((row) => row.place as bigint);
      if (places.length > 0) await this.forget(places);
      if (stopping.aborted) return;
    }
  }

  /** One that has come to wait again meanwhile stays. */
  private async forget(places: readonly bigint[]): Promise<void> {
    await this.database.write([
      {
        sql: `DELETE FROM deliveries WHERE state = 'sent' AND place IN (${placeholders(places.length)})`,
        values: places,
      },
    ]);
  }
}

function deliveryOf(row: Row): Delivery {
  return {
    place: row.place as bigint,
    type: row.type as DeliveryType,
    orderId: row.order_id as bigint,
    userId: row.user_id as bigint,
    body: row.body as Uint8Array,
    occurredAt: row.occurred_at as bigint,
    attempts: Number(row.attempts),
    error: row.error as string,
  };
}
