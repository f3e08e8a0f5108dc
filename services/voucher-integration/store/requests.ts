import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { placeholders, upsertInto } from "../../platform/database/statements.ts";
import type { Instant } from "../../platform/time.ts";
import type { CodeRequest, RequestState } from "../domain/code-request.ts";

const columns = [
  "id",
  "phone_number",
  "requested_at",
  "gives_up_at",
  "state",
  "callback_url",
  "challenge",
  "code_key",
  "attempts",
  "due_at",
  "lease",
  "settled_at",
] as const;

/** What a step may change. */
const changing = ["state", "challenge", "code_key", "attempts", "due_at", "settled_at"] as const;

/** `lease` is not null, and no step changes it. */
const written = ["id", ...changing, "lease"] as const;

const select = `SELECT ${columns.join(", ")} FROM requests`;

/** How many rows are forgotten in one transaction. */
const purgedAtOnce = 500;

/** Requests by their ids, in that order; `forUpdate` locks them. */
export function selectRequests(ids: readonly bigint[], forUpdate: string): Statement {
  return { sql: `${select} WHERE id IN (${placeholders(ids.length)}) ORDER BY id${forUpdate}`, values: ids };
}

/** Adds requests; those that are there stay as they are. */
export function insertRequests(dialect: Database["dialect"], requests: readonly CodeRequest[]): Statement {
  const rows = requests.map((request) => columns.map((column) => valuesOf(request)[column]));
  return upsertInto(dialect, "requests", columns, rows, { key: ["id"], update: [] });
}

/** Writes what steps have changed of requests that are there and locked. */
export function updateRequests(dialect: Database["dialect"], requests: readonly CodeRequest[]): Statement {
  const rows = requests.map((request) => written.map((column) => valuesOf(request)[column]));
  return upsertInto(dialect, "requests", written, rows, { key: ["id"], update: changing });
}

function valuesOf(request: CodeRequest) {
  return {
    id: request.id,
    phone_number: request.phoneNumber,
    requested_at: request.requestedAt,
    gives_up_at: request.givesUpAt,
    state: request.state,
    callback_url: request.callbackUrl ?? null,
    challenge: request.challenge ?? null,
    code_key: request.codeKey ?? null,
    attempts: BigInt(request.attempts),
    due_at: request.dueAt,
    lease: request.lease,
    settled_at: request.settledAt ?? null,
  };
}

export function requestOf(row: Row): CodeRequest {
  return {
    id: row.id as bigint,
    phoneNumber: row.phone_number as string,
    requestedAt: row.requested_at as bigint,
    givesUpAt: row.gives_up_at as bigint,
    state: row.state as RequestState,
    callbackUrl: (row.callback_url as string | null) ?? undefined,
    challenge: (row.challenge as string | null) ?? undefined,
    codeKey: (row.code_key as Uint8Array | null) ?? undefined,
    attempts: Number(row.attempts),
    dueAt: row.due_at as bigint,
    lease: row.lease as string,
    settledAt: (row.settled_at as bigint | null) ?? undefined,
  };
}

/** What requests are leased with, to ask the provider for them. */
export interface Lease {
  /** Nobody else's. */
  readonly name: string;
  /** What the provider is to call back for those that it has not been asked for before. */
  readonly callbackUrl: string;
  /** From then on others may. */
  readonly until: Instant;
}

/** Requests, in the database. */
export class Requests {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /**
   * The ids of requests that the provider is to be asked for now, so many at most: the longest waiting first, then those
   * to be asked for again though they were acknowledged, of which there is a limit of their own.
   */
  async due(now: Instant, limit: number, acknowledgedLimit: number): Promise<bigint[]> {
    return this.idsOf({
      sql: `SELECT id, due_at, turn FROM (${dueIn("waiting", 1)}) AS waiting UNION ALL
            SELECT id, due_at, turn FROM (${dueIn("acknowledged", 2)}) AS acknowledged ORDER BY turn, due_at LIMIT ?`,
      values: [now, now, BigInt(limit), now, now, BigInt(acknowledgedLimit), BigInt(limit)],
    });
  }

  /** Leases those of the requests that are still due: for each, one alone of all who try. */
  async lease(ids: readonly bigint[], { name, callbackUrl, until }: Lease, now: Instant): Promise<CodeRequest[]> {
    if (ids.length === 0) return [];
    const these = `id IN (${placeholders(ids.length)})`;
    const [, rows = []] = await this.database.transaction((tx) =>
      tx.run([
        {
          sql: `UPDATE requests SET lease = ?, callback_url = COALESCE(callback_url, ?), due_at = ?
                WHERE ${these} AND state IN ('waiting', 'acknowledged') AND due_at <= ?`,
          values: [name, callbackUrl, until, ...ids, now],
        },
        { sql: `${select} WHERE ${these} AND lease = ?`, values: [...ids, name] },
      ]),
    );
    return rows.map(requestOf);
  }

  /** The ids of requests whose time is up. */
  timedOut(now: Instant, limit: number): Promise<bigint[]> {
    return this.idsOf({
      sql: "SELECT id FROM requests WHERE state IN ('waiting', 'acknowledged') AND gives_up_at <= ? LIMIT ?",
      values: [now, BigInt(limit)],
    });
  }

  /** The request that was acknowledged with a challenge. */
  async findByChallenge(challenge: string): Promise<CodeRequest | undefined> {
    const [row] = await this.database.select({ sql: `${select} WHERE challenge = ?`, values: [challenge] });
    return row && requestOf(row);
  }

  /** How many wait for the provider to be asked, or to call back. */
  async openCount(): Promise<number> {
    const sql = "SELECT COUNT(*) AS open FROM requests WHERE state IN ('waiting', 'acknowledged')";
    const [row] = await this.database.select({ sql, values: [] });
    return Number(row?.open);
  }

  /** Forgets requests that were settled before an instant. */
  async purge(before: Instant, stopping: AbortSignal): Promise<void> {
    for (let found = purgedAtOnce; found === purgedAtOnce && !stopping.aborted; ) {
      const ids = await this.idsOf({
        sql: "SELECT id FROM requests WHERE settled_at < ? ORDER BY settled_at LIMIT ?",
        values: [before, BigInt(purgedAtOnce)],
      });
      found = ids.length;
      if (found === 0) return;
      await this.database.transaction((tx) =>
        tx.run([{ sql: `DELETE FROM requests WHERE id IN (${placeholders(found)})`, values: ids }]),
      );
    }
  }

  private async idsOf(statement: Statement): Promise<bigint[]> {
    return (await this.database.select(statement)).map((row) => row.id as bigint);
  }
}

/** One state at a time, so that the index on it and `due_at` has them in order. */
function dueIn(state: RequestState, turn: number): string {
  return `SELECT id, due_at, ${turn} AS turn FROM requests
          WHERE state = '${state}' AND due_at <= ? AND gives_up_at > ? ORDER BY due_at LIMIT ?`;
}
