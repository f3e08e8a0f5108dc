import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import { type Instant, microsecondsPerSecond } from "../../platform/time.ts";
import type { CouponUse } from "../domain/coupon-use.ts";

/** How long it is known that an id is spent: longer than any call about it is under way. */
export const returnedUsesKeptFor = 7n * 86_400n * microsecondsPerSecond;

const columns = [
  "id",
  "status",
  "member_coupon_id",
  "coupon_id",
  "user_id",
  "order_id",
  "order_amount",
  "currency",
  "discount",
  "created_at",
  "returned_at",
] as const;

/** Uses by id, in the order that every transaction locks them. */
export function selectUses(ids: readonly string[], forUpdate: string): Statement {
  return {
    sql: `SELECT ${columns.join(", ")} FROM coupon_uses WHERE id IN (${placeholders(ids.length)}) ORDER BY id${forUpdate}`,
    values: ids,
  };
}

/** Inserts uses that are new, in the order that every transaction locks them. */
export function insertUses(uses: readonly CouponUse[], at: Instant): Statement {
  const sorted = uses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return insertInto(
    "coupon_uses",
    columns,
    sorted.map((use) => {
      if (use.status === "returned") return [use.id, use.status, null, 0n, 0n, 0n, 0n, "", 0n, at, at];
      const { id, status, memberCouponId, couponId, userId, orderId, orderAmount, currency, discount, createdAt } = use;
      const terms = [couponId, userId, orderId, orderAmount, currency, discount] as const;
      return [id, status, memberCouponId, ...terms, createdAt, null];
    }),
  );
}

/** Ends uses that are there: their ids are spent. */
export function endUses(ids: readonly string[], at: Instant): Statement {
  return {
    sql: `UPDATE coupon_uses SET status = 'returned', member_coupon_id = NULL, returned_at = ?
          WHERE id IN (${placeholders(ids.length)})`,
    values: [at, ...ids],
  };
}

/** Forgets uses that were returned before an instant. */
export async function purgeReturnedUses(database: Database, before: Instant): Promise<void> {
  await database.write([{ sql: "DELETE FROM coupon_uses WHERE returned_at < ?", values: [before] }]);
}

export function couponUseOf(row: Row): CouponUse {
  const id = row.id as string;
  if (row.status === "returned") return { status: "returned", id };
  return {
    status: "used",
    id,
    memberCouponId: row.member_coupon_id as bigint,
    couponId: row.coupon_id as bigint,
    userId: row.user_id as bigint,
    orderId: row.order_id as bigint,
    orderAmount: row.order_amount as bigint,
    currency: row.currency as string,
    discount: row.discount as bigint,
    createdAt: row.created_at as bigint,
  };
}
