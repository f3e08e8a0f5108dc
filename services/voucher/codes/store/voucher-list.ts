import type { Database, Value } from "../../../platform/database/database.ts";
import type { Key, Paging } from "../../../platform/paging.ts";
import { hasCode, type Voucher } from "../domain/voucher-request.ts";
import { requestColumns, requestOf, table } from "./voucher-requests.ts";

/** What codes there are for a phone. */
export class VoucherList {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** One page, and one more where there are more: the last received first. */
  async list(phoneNumber: string, paging: Paging): Promise<Voucher[]> {
    const [where, values] = paging.kind === "cursor" ? beyond(paging.after) : ["received_at IS NOT NULL", []];
    const offset = paging.kind === "page" ? BigInt(paging.offset) : 0n;
    const rows = await this.database.select({
      sql: `SELECT ${requestColumns} FROM ${table} WHERE phone_number = ? AND ${where}
            ORDER BY received_at DESC, id DESC LIMIT ? OFFSET ?`,
      values: [phoneNumber, ...values, BigInt(paging.perPage + 1), offset],
    });
    return rows.map(requestOf).filter(hasCode);
  }

  async count(phoneNumber: string): Promise<bigint> {
    const [row] = await this.database.select({
      sql: `SELECT COUNT(*) AS total FROM ${table} WHERE phone_number = ? AND received_at IS NOT NULL`,
      values: [phoneNumber],
    });
    return row?.total as bigint;
  }
}

/** What the list is sorted by. */
export function voucherKey({ id, state }: Voucher): Key {
  return [state.receivedAt, id];
}

function beyond([receivedAt = 0n, id = 0n]: Key): [string, readonly Value[]] {
  return ["(received_at < ? OR (received_at = ? AND id < ?))", [receivedAt, receivedAt, id]];
}
