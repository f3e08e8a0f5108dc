import type { Database, Row, Value } from "../../platform/database/database.ts";
import type { Key, Paging } from "../../platform/paging.ts";
import type { Coupon } from "../domain/coupon.ts";
import type { MemberCoupon, MemberCouponStatus } from "../domain/member-coupon.ts";
import { couponOf } from "./coupons.ts";
import { memberCouponOf } from "./member-coupons.ts";

/** A member's coupon, and what it is one of. */
export interface ListedCoupon {
  readonly mine: MemberCoupon;
  readonly coupon: Coupon;
}

/** What coupons a member has. */
export class MemberCouponList {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** One page, and one more where there are more: the newest first, only those of one status where given. */
  async list(userId: bigint, status: MemberCouponStatus | undefined, paging: Paging): Promise<ListedCoupon[]> {
    const conditions: [string, readonly Value[]][] = [["m.user_id = ?", [userId]]];
    if (status !== undefined) conditions.push(["m.status = ?", [status]]);
    if (paging.kind === "cursor") conditions.push(beyond(paging.after));
    const offset = paging.kind === "page" ? BigInt(paging.offset) : 0n;
    const rows = await this.database.select({
      sql: `SELECT c.*, m.id AS member_coupon_id, m.ordinal, m.status, m.use_id, m.order_id, m.used_at, m.issued_at
            FROM member_coupons m JOIN coupons c ON c.id = m.coupon_id
            WHERE ${conditions.map(([sql]) => sql).join(" AND ")}
            ORDER BY m.issued_at DESC, m.id DESC LIMIT ? OFFSET ?`,
      values: [...conditions.flatMap(([, values]) => values), BigInt(paging.perPage + 1), offset],
    });
    return rows.map((row) => listedCouponOf(row, userId));
  }

  async count(userId: bigint, status: MemberCouponStatus | undefined): Promise<bigint> {
    const [row] = await this.database.select({
      sql: `SELECT COUNT(*) AS total FROM member_coupons
            WHERE user_id = ?${status === undefined ? "" : " AND status = ?"}`,
      values: status === undefined ? [userId] : [userId, status],
    });
    return row?.total as bigint;
  }
}

/** What the list is sorted by. */
export function listedCouponKey({ mine }: ListedCoupon): Key {
  return [mine.issuedAt, mine.id];
}

function beyond([issuedAt = 0n, id = 0n]: Key): [string, readonly Value[]] {
  return ["(m.issued_at < ? OR (m.issued_at = ? AND m.id < ?))", [issuedAt, issuedAt, id]];
}

function listedCouponOf(row: Row, userId: bigint): ListedCoupon {
  const coupon = couponOf(row);
  const mine = { ...row, id: row.member_coupon_id as bigint, coupon_id: coupon.id, user_id: userId };
  return { coupon, mine: memberCouponOf(mine) };
}
