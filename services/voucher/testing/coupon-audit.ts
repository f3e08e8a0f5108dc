import type { Database } from "../../platform/database/database.ts";

/** What must never be there, by what is wrong with it: every row of these is a difference. */
const checks: Readonly<Record<string, string>> = {
  "issued quantity is not what members have": `
    SELECT c.id, c.issued_quantity AS told, COUNT(m.id) AS counted
    FROM coupons c LEFT JOIN member_coupons m ON m.coupon_id = c.id
    GROUP BY c.id, c.issued_quantity HAVING told <> counted`,
  "used quantity is not what orders have": `
    SELECT c.id, c.used_quantity AS told, COUNT(m.id) AS counted
    FROM coupons c LEFT JOIN member_coupons m ON m.coupon_id = c.id AND m.status = 'used'
    GROUP BY c.id, c.used_quantity HAVING told <> counted`,
  "more is issued than there is": "SELECT id FROM coupons WHERE issued_quantity > total_quantity",
  "a member's coupons are not numbered without a gap": `
    SELECT coupon_id, user_id, COUNT(*) AS held, MAX(ordinal) AS last, MIN(ordinal) AS first FROM member_coupons
    GROUP BY coupon_id, user_id HAVING held <> last OR first <> 1`,
  "a used coupon is on no live use": `
    SELECT m.id FROM member_coupons m
    LEFT JOIN coupon_uses u ON u.id = m.use_id AND u.member_coupon_id = m.id AND u.status = 'used'
      AND u.coupon_id = m.coupon_id AND u.user_id = m.user_id AND u.order_id = m.order_id AND u.created_at = m.used_at
    WHERE m.status = 'used' AND u.id IS NULL`,
  "an unused coupon is on an order": `
    SELECT id FROM member_coupons
    WHERE status = 'issued' AND (use_id IS NOT NULL OR order_id IS NOT NULL OR used_at IS NOT NULL)`,
  "a live use has no used coupon": `
    SELECT u.id FROM coupon_uses u
    LEFT JOIN member_coupons m ON m.id = u.member_coupon_id AND m.use_id = u.id AND m.status = 'used'
    WHERE u.status = 'used' AND m.id IS NULL`,
  "a returned use has a coupon": `
    SELECT id FROM coupon_uses WHERE status = 'returned' AND (member_coupon_id IS NOT NULL OR returned_at IS NULL)`,
  "a coupon is on two live uses": `
    SELECT member_coupon_id, COUNT(*) AS uses FROM coupon_uses WHERE status = 'used'
    GROUP BY member_coupon_id HAVING uses > 1`,
};

/** Holds all coupons, and what became of them, against each other: what does not agree, a line each. */
export async function auditCoupons(database: Database): Promise<string[]> {
  return database.snapshot(async (session) => {
    const found: string[] = [];
    for (const [wrong, sql] of Object.entries(checks)) {
      const [rows = []] = await session.run([{ sql, values: [] }]);
      for (const row of rows) found.push(`${wrong}: ${Object.values(row).join(", ")}`);
    }
    return found;
  });
}
