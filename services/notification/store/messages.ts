import type { Database, Row, Statement, Value } from "../../platform/database/database.ts";
import { insertInto, placeholders, presentOf } from "../../platform/database/statements.ts";
import type { Key, Paging } from "../../platform/paging.ts";
import type { Instant } from "../../platform/time.ts";
import type { Channel, Message } from "../domain/message.ts";

/** A message that waits to be delivered. */
export interface PendingMessage extends Message {
  /** Failed ones, before this. */
  readonly attempts: number;
  /** By the database's clock; 0 where it was not tried yet. */
  readonly dueAt: Instant;
}

/** Whether a new message is to leave, or is kept because there is no server for its channel. */
export type NewStatus = "pending" | "kept";

/** A message that is asked for under an id of whoever asks. */
export interface RequestedMessage {
  readonly requestId: string;
  readonly message: Message;
  readonly status: NewStatus;
}

/** No replica tries a message that another one is trying, for so long. */
const claimedFor = 60_000_000n;

const columns = [
  "id",
  "channel",
  "recipient",
  "subject",
  "body",
  "status",
  "attempts",
  "due_at",
  "created_at",
] as const;

const select = `SELECT ${columns.join(", ")} FROM messages`;

/** The messages, in the database. When one may be tried is told by the database's clock: those of replicas differ. */
export class Messages {
  private readonly database: Database;
  /** SQL for this instant. */
  private readonly present: string;
  private readonly blanksBodies: boolean;

  /** `blanksBodies`: a body is forgotten once it need not leave any more; it may hold a code. */
  constructor(database: Database, { blanksBodies }: { readonly blanksBodies: boolean }) {
    this.database = database;
    this.present = presentOf(database.dialect);
    this.blanksBodies = blanksBodies;
  }

  /** The statement that adds a message that is to be delivered, or kept where there is no server for it. */
  adding(message: Message, status: NewStatus): Statement {
    return insertInto("messages", columns, [this.rowOf(message, status)]);
  }

  /**
   * Adds messages that are asked for under ids: those of ids that are known change nothing. Rejects with a duplicate key
   * where another replica adds one of them at the same time.
   */
  async addRequested(requested: readonly RequestedMessage[]): Promise<void> {
    const ids = requested.map(({ requestId }) => requestId);
    const rows = await this.database.select({
      sql: `SELECT id FROM message_requests WHERE id IN (${placeholders(ids.length)})`,
      values: ids,
    });
    const known = new Set(rows.map((row) => row.id as string));
    const added = requested.filter(({ requestId }) => !known.has(requestId) && known.add(requestId));
    if (added.length === 0) return;
    await this.database.commit([
      insertInto(
        "message_requests",
        ["id", "created_at"],
        added.map(({ requestId, message }) => [requestId, message.createdAt]),
      ),
      insertInto(
        "messages",
        columns,
        added.map(({ message, status }) => this.rowOf(message, status)),
      ),
    ]);
  }

  /** The messages of a channel whose time has come: new ones first, then the longest waiting. */
  async due(channel: Channel, limit: number): Promise<PendingMessage[]> {
    const rows = await this.database.select({
      sql: `${select} WHERE status = 'pending' AND channel = ? AND due_at <= ${this.present}
            ORDER BY due_at, id LIMIT ?`,
      values: [channel, BigInt(limit)],
    });
    return rows.map(pendingMessageOf);
  }

  /** Takes a message to deliver it; answers false where another replica was first. */
  async claim({ id, dueAt }: PendingMessage): Promise<boolean> {
    const claimed: number = await this.database.transaction(({ knex }) =>
      knex("messages")
        .where({ id, due_at: dueAt, status: "pending" })
        .update({ due_at: knex.raw(`${this.present} + ${claimedFor}`) }),
    );
    return claimed === 1;
  }

  /** Notes a failed attempt and after how many microseconds the next one may be. */
  async postpone({ id }: Message, attempts: number, pause: bigint): Promise<void> {
    await this.write({
      sql: `UPDATE messages SET attempts = ?, due_at = ${this.present} + ? WHERE id = ?`,
      values: [BigInt(attempts), pause, id],
    });
  }

  /** Notes that a message has left, or never will. */
  async close({ id }: Message, status: "delivered" | "failed"): Promise<void> {
    await this.write({
      sql: `UPDATE messages SET status = ?${this.blanksBodies ? ", body = ''" : ""} WHERE id = ?`,
      values: [status, id],
    });
  }

  /** One page, and one more where there are more: the newest first, only those to one recipient where given. */
  async list(to: string | undefined, paging: Paging): Promise<Message[]> {
    const conditions: [string, readonly Value[]][] = [];
    if (to !== undefined) conditions.push(["recipient = ?", [to]]);
    if (paging.kind === "cursor") conditions.push(beyond(paging.after));
    const where = conditions.length > 0 ? `WHERE ${conditions.map(([sql]) => sql).join(" AND ")}` : "";
    const offset = paging.kind === "page" ? BigInt(paging.offset) : 0n;
    const rows = await this.database.select({
      sql: `${select} ${where} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`,
      values: [...conditions.flatMap(([, values]) => values), BigInt(paging.perPage + 1), offset],
    });
    return rows.map(messageOf);
  }

  async count(to: string | undefined): Promise<bigint> {
    const [row] = await this.database.select({
      sql: `SELECT COUNT(*) AS total FROM messages${to === undefined ? "" : " WHERE recipient = ?"}`,
      values: to === undefined ? [] : [to],
    });
    return row?.total as bigint;
  }

  /** Forgets messages that were asked for before an instant, whatever became of them. */
  async purge(before: Instant): Promise<void> {
    await this.database.write(
      ["messages", "message_requests"].map((table) => ({
        sql: `DELETE FROM ${table} WHERE created_at < ?`,
        values: [before],
      })),
      { isLong: true },
    );
  }

  private rowOf(message: Message, status: NewStatus): Value[] {
    const { id, channel, to, subject, createdAt } = message;
    const body = status === "kept" && this.blanksBodies ? "" : message.body;
    return [id, channel, to, subject, body, status, 0n, 0n, createdAt];
  }

  private async write(statement: Statement): Promise<void> {
    await this.database.write([statement]);
  }
}

/** What the list is sorted by. */
export function keyOf({ createdAt, id }: Message): Key {
  return [createdAt, id];
}

function beyond([createdAt = 0n, id = 0n]: Key): [string, readonly Value[]] {
  return ["(created_at < ? OR (created_at = ? AND id < ?))", [createdAt, createdAt, id]];
}

function messageOf(row: Row): Message {
  return {
    id: row.id as bigint,
    channel: row.channel as Channel,
    to: row.recipient as string,
    subject: row.subject as string,
    body: row.body as string,
    createdAt: row.created_at as bigint,
  };
}

function pendingMessageOf(row: Row): PendingMessage {
  return { ...messageOf(row), attempts: Number(row.attempts), dueAt: row.due_at as bigint };
}
