import type { Database, Row, Session, Statement, Value } from "../../../platform/database/database.ts";
import { insertInto, placeholders, upsertInto } from "../../../platform/database/statements.ts";
import type { Instant } from "../../../platform/time.ts";
import {
  dueAtOf,
  type Failure,
  type RequestState,
  type Sending,
  sendAtOf,
  type VoucherRequest,
} from "../domain/voucher-request.ts";

/** Where they are. */
export const table = "voucher_requests";

type Columns = Readonly<Record<string, (request: VoucherRequest) => Value | undefined>>;

const fixed: Columns = {
  id: ({ id }) => id,
  phone_number: ({ phoneNumber }) => phoneNumber,
  token_hash: ({ tokenHash }) => tokenHash,
  requested_at: ({ requestedAt }) => requestedAt,
  late_at: ({ lateAt }) => lateAt,
  give_up_at: ({ giveUpAt }) => giveUpAt,
};

const changing: Columns = {
  state: ({ state }) => state.kind,
  failure: ({ state }) => (state.kind === "failed" ? state.failure : undefined),
  failed_at: ({ state }) => (state.kind === "failed" ? state.failedAt : undefined),
  search_key: (request) => codeOf(request)?.searchKey,
  search_key_id: (request) => codeOf(request)?.searchKeyId,
  sealed_code: (request) => codeOf(request)?.sealed,
  seal_key_id: (request) => codeOf(request)?.sealKeyId,
  received_at: ({ state }) => ("receivedAt" in state ? state.receivedAt : undefined),
  shown_at: ({ state }) => (state.kind === "web" ? state.shownAt : undefined),
  attempts: ({ state }) =>
    state.kind === "sms" && "attempts" in state.sending ? BigInt(state.sending.attempts) : undefined,
  sent_at: ({ state }) => (state.kind === "sms" && state.sending.kind === "sent" ? state.sending.sentAt : undefined),
  due_at: dueAtOf,
  send_at: sendAtOf,
};

const all: Columns = { ...fixed, ...changing };
const names = Object.keys(all);

/** Every column, for SELECT. */
export const requestColumns = names.join(", ");

/** Requests by id, in the order that every transaction locks them. */
export function selectRequests(ids: readonly bigint[], lock = ""): Statement {
  return {
    sql: `SELECT ${requestColumns} FROM ${table} WHERE id IN (${placeholders(ids.length)}) ORDER BY id${lock}`,
    values: ids,
  };
}

export function insertRequests(requests: readonly VoucherRequest[]): Statement {
  return insertInto(table, names, rowsOf(requests));
}

/** Writes what changes of requests that are there: locked, so that nothing is inserted. */
export function updateRequests(dialect: Database["dialect"], requests: readonly VoucherRequest[]): Statement {
  return upsertInto(dialect, table, names, rowsOf(requests), { key: ["id"], update: Object.keys(changing) });
}

/** The requests for codes, in the database. */
export class VoucherRequests {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Those of some ids that there are. */
  async find(ids: readonly bigint[]): Promise<VoucherRequest[]> {
    return (await this.database.select(selectRequests(ids))).map(requestOf);
  }

  /** Those of some ids that are not waited for any more. */
  async findEnded(ids: readonly bigint[]): Promise<VoucherRequest[]> {
    const { sql, values } = whereIds(ids);
    const rows = await this.database.select({
      sql: `SELECT ${requestColumns} FROM ${table} WHERE ${sql} AND state <> 'processing'`,
      values,
    });
    return rows.map(requestOf);
  }

  /** The same, locked, within a transaction. */
  async lock(session: Session, ids: readonly bigint[]): Promise<VoucherRequest[]> {
    const [rows = []] = await session.run([selectRequests(ids, this.database.forUpdate)]);
    return rows.map(requestOf);
  }

  /** Those that something becomes of by itself by now, the longest due first. */
  async due(by: Instant, limit: number): Promise<VoucherRequest[]> {
    const rows = await this.database.select({
      sql: `SELECT ${requestColumns} FROM ${table} WHERE due_at <= ? ORDER BY due_at LIMIT ?`,
      values: [by, BigInt(limit)],
    });
    return rows.map(requestOf);
  }

  /** Those whose SMS is to be sent by now, the longest due first. */
  async toBeSent(by: Instant, limit: number): Promise<VoucherRequest[]> {
    const rows = await this.database.select({
      sql: `SELECT ${requestColumns} FROM ${table} WHERE send_at <= ? ORDER BY send_at LIMIT ?`,
      values: [by, BigInt(limit)],
    });
    return rows.map(requestOf);
  }

  /** Forgets those that have failed, and are due. */
  async forgetFailed(ids: readonly bigint[], by: Instant): Promise<void> {
    const { sql, values } = whereIds(ids);
    await this.database.commit([
      { sql: `DELETE FROM ${table} WHERE ${sql} AND state = 'failed' AND due_at <= ?`, values: [...values, by] },
    ]);
  }
}

function whereIds(ids: readonly bigint[]): Statement {
  return { sql: `id IN (${placeholders(ids.length)})`, values: ids };
}

function rowsOf(requests: readonly VoucherRequest[]): Value[][] {
  const read = Object.values(all);
  return requests.map((request) => read.map((column) => column(request) ?? null));
}

function codeOf({ state }: VoucherRequest) {
  return "code" in state ? state.code : undefined;
}

export function requestOf(row: Row): VoucherRequest {
  return {
    id: row.id as bigint,
    phoneNumber: row.phone_number as string,
    tokenHash: row.token_hash as Uint8Array,
    requestedAt: row.requested_at as bigint,
    lateAt: row.late_at as bigint,
    giveUpAt: row.give_up_at as bigint,
    state: stateOf(row, row.state as RequestState["kind"]),
  };
}

function stateOf(row: Row, kind: RequestState["kind"]): RequestState {
  switch (kind) {
    case "processing":
      return { kind };
    case "failed":
      return { kind, failure: row.failure as Failure, failedAt: row.failed_at as bigint };
    case "web":
      return { kind, ...receivedOf(row), shownAt: (row.shown_at as bigint | null) ?? undefined };
    case "sms":
      return { kind, ...receivedOf(row), sending: sendingOf(row) };
    default:
      return kind satisfies never;
  }
}

function receivedOf(row: Row) {
  const code = {
    searchKey: row.search_key as Uint8Array,
    searchKeyId: row.search_key_id as string,
    sealed: row.sealed_code as Uint8Array,
    sealKeyId: row.seal_key_id as string,
  };
  return { code, receivedAt: row.received_at as bigint };
}

function sendingOf({ sent_at, send_at, attempts }: Row): Sending {
  if (sent_at !== null) return { kind: "sent", sentAt: sent_at as bigint };
  if (send_at !== null) return { kind: "waiting", attempts: Number(attempts), dueAt: send_at as bigint };
  return { kind: "given_up", attempts: Number(attempts) };
}
