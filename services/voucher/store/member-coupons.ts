import type { Row, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { LiveUse } from "../domain/coupon-use.ts";
import type { MemberCoupon } from "../domain/member-coupon.ts";

const columns = [
  "user_id",
  "issued_at",
  "id",
  "coupon_id",
  "ordinal",
  "status",
  "use_id",
  "order_id",
  "used_at",
] as const;

/** What is set when a coupon is issued; the rest is null until it is used. */
const issuedColumns = ["user_id", "issued_at", "id", "coupon_id", "ordinal", "status"] as const;

const select = `SELECT ${columns.join(", ")} FROM member_coupons`;

/** A member and a coupon. */
export interface Holding {
  readonly couponId: bigint;
  readonly userId: bigint;
}

/** Inserts coupons that members have just claimed. */
export function insertMemberCoupons(issued: readonly MemberCoupon[]): Statement {
  return insertInto(
    "member_coupons",
    issuedColumns,
    issued.map(({ userId, issuedAt, id, couponId, ordinal, state }) => {
      return [userId, issuedAt, id, couponId, ordinal, state.status];
    }),
  );
}

/** How many of each coupon each member has, as `held`: none that has none. */
export function countHeld(holdings: readonly Holding[]): Statement {
  const { sql, values } = whereHeld(holdings);
  return {
    sql: `SELECT coupon_id, user_id, COUNT(*) AS held FROM member_coupons WHERE ${sql} GROUP BY coupon_id, user_id`,
    values,
  };
}

/** The members' coupons of these ids. */
export function selectClaimed(claimed: readonly (Holding & { readonly id: bigint })[]): Statement {
  return {
    sql: `${select} WHERE ${claimed.map(() => "(coupon_id = ? AND user_id = ? AND id = ?)").join(" OR ")}`,
    values: claimed.flatMap(({ couponId, userId, id }) => [couponId, userId, id]),
  };
}

/** Members' coupons, in the order that every transaction locks them; a member's own in the order they were claimed. */
export function lockHeld(holdings: readonly Holding[], forUpdate: string): Statement {
  const { sql, values } = whereHeld(holdings);
  return { sql: `${select} WHERE ${sql} ORDER BY coupon_id, user_id, ordinal${forUpdate}`, values };
}

/** Gives a member's coupon to the order of a use. */
export function takeFor({ couponId, userId, memberCouponId, id, orderId, createdAt }: LiveUse): Statement {
  return {
    sql: `UPDATE member_coupons SET status = 'used', use_id = ?, order_id = ?, used_at = ?
          WHERE coupon_id = ? AND user_id = ? AND id = ?`,
    values: [id, orderId, createdAt, couponId, userId, memberCouponId],
  };
}

/** Gives a member's coupon back from the order of a use. */
export function giveBackFrom({ couponId, userId, memberCouponId }: LiveUse): Statement {
  return {
    sql: `UPDATE member_coupons SET status = 'issued', use_id = NULL, order_id = NULL, used_at = NULL
          WHERE coupon_id = ? AND user_id = ? AND id = ?`,
    values: [couponId, userId, memberCouponId],
  };
}

export function memberCouponOf(row: Row): MemberCoupon {
  return {
    id: row.id as bigint,
    couponId: row.coupon_id as bigint,
    userId: row.user_id as bigint,
    ordinal: row.ordinal as bigint,
    issuedAt: row.issued_at as bigint,
    state:
      row.status === "used"
        ? {
            status: "used",
            useId: row.use_id as string,
            orderId: row.order_id as bigint,
            usedAt: row.used_at as bigint,
          }
        : { status: "issued" },
  };
}

/** One range of the index for each: the members of one coupon are named together. */
function whereHeld(holdings: readonly Holding[]): Statement {
  const byCoupon = new Map<bigint, bigint[]>();
  for (const { couponId, userId } of holdings) {
    const members = byCoupon.get(couponId);
    if (members) members.push(userId);
    else byCoupon.set(couponId, [userId]);
  }
  const conditions: string[] = [];
  const values: bigint[] = [];
  for (const [couponId, members] of byCoupon) {
    conditions.push(`(coupon_id = ? AND user_id IN (${placeholders(members.length)}))`);
    values.push(couponId, ...members);
  }
  return { sql: conditions.join(" OR "), values };
}
