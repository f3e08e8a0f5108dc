import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { Instant } from "../../platform/time.ts";
import type { Misbehaviour } from "../domain/behaviour.ts";
import type { CallbackState, Voucher } from "../domain/voucher.ts";

const columns = [
  "id",
  "request_key",
  "phone_number",
  "callback_url",
  "code",
  "verifier",
  "requested_at",
  "ready_at",
  "misbehaviour",
  "callback",
  "callback_at",
  "callback_attempts",
] as const;

const select = `SELECT ${columns.join(", ")} FROM vouchers`;

/** Those that were asked for with one of these keys. */
export function selectByKeys(keys: readonly string[]): Statement {
  return { sql: `${select} WHERE request_key IN (${placeholders(keys.length)})`, values: keys };
}

export function insertVouchers(vouchers: readonly Voucher[]): Statement {
  return insertInto(
    "vouchers",
    columns,
    vouchers.map((voucher) => [
      voucher.id,
      voucher.key ?? null,
      voucher.phoneNumber,
      voucher.callbackUrl,
      voucher.code,
      voucher.verifier,
      voucher.requestedAt,
      voucher.readyAt,
      voucher.misbehaviour,
      voucher.callback,
      voucher.callbackAt,
      BigInt(voucher.callbackAttempts),
    ]),
  );
}

export function voucherOf(row: Row): Voucher {
  return {
    id: row.id as bigint,
    key: (row.request_key as string | null) ?? undefined,
    phoneNumber: row.phone_number as string,
    callbackUrl: row.callback_url as string,
    code: row.code as string,
    verifier: row.verifier as string,
    requestedAt: row.requested_at as bigint,
    readyAt: row.ready_at as bigint,
    misbehaviour: row.misbehaviour as Misbehaviour | null,
    callback: row.callback as CallbackState,
    callbackAt: row.callback_at as bigint,
    callbackAttempts: Number(row.callback_attempts),
  };
}

/** The vouchers, in the database. */
export class Vouchers {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** So many at most after an id, in the order of their ids: all, or those for one phone number. */
  async list(after: bigint, phoneNumber: string | undefined, limit: number): Promise<Voucher[]> {
    const isTheirs = phoneNumber === undefined ? "" : " AND phone_number = ?";
    const values = [after, ...(phoneNumber === undefined ? [] : [phoneNumber]), BigInt(limit)];
    const rows = await this.database.select({ sql: `${select} WHERE id > ?${isTheirs} ORDER BY id LIMIT ?`, values });
    return rows.map(voucherOf);
  }

  /** Takes callbacks whose time has come, so many at most; nobody else does before `until`. */
  claimDue(present: Instant, until: Instant, limit: number): Promise<Voucher[]> {
    const sql = `${select} WHERE callback = 'due' AND callback_at <= ? ORDER BY callback_at LIMIT ?${this.database.forUpdate}`;
    return this.database.batch([{ sql, values: [present, BigInt(limit)] }], async ([rows = []]) => {
      const due = rows.map(voucherOf);
      const these = `id IN (${placeholders(due.length)})`;
      const claim = {
        sql: `UPDATE vouchers SET callback_at = ? WHERE ${these}`,
        values: [until, ...due.map(({ id }) => id)],
      };
      return { save: due.length > 0 ? [claim] : [], result: due };
    });
  }

  /** When the next callback is due; undefined where none is. */
  async nextDueAt(): Promise<Instant | undefined> {
    const sql = "SELECT MIN(callback_at) AS due_at FROM vouchers WHERE callback = 'due'";
    const [row] = await this.database.select({ sql, values: [] });
    return (row?.due_at as bigint | null) ?? undefined;
  }

  /** Notes what has become of calling back. */
  async settle({ id }: Voucher, state: CallbackState): Promise<void> {
    await this.write({ sql: "UPDATE vouchers SET callback = ? WHERE id = ?", values: [state, id] });
  }

  /** Notes a failed attempt at calling back, and when the next one may be. */
  async postpone({ id }: Voucher, attempts: number, at: Instant): Promise<void> {
    const sql = "UPDATE vouchers SET callback_attempts = ?, callback_at = ? WHERE id = ?";
    await this.write({ sql, values: [BigInt(attempts), at, id] });
  }

  private async write(statement: Statement): Promise<void> {
    await this.database.write([statement]);
  }
}
