import { RecentlyUsed } from "../platform/recently-used.ts";
import type { Held, NumberedClaim } from "./claim-batch.ts";
import type { Coupon } from "./domain/coupon.ts";

const mostCoupons = 10_000;
const mostHoldings = 200_000;

/**
 * Coupons, and how many of them members have, as this process last saw them. Another process may have changed them
 * since: whoever goes by what is remembered must make sure of it in the transaction that rests on it.
 */
export class RememberedCoupons {
  private readonly byId = new RecentlyUsed<bigint, Coupon>(mostCoupons);
  private readonly holdings = new RecentlyUsed<bigint, bigint>(mostHoldings);

  /** All that these claims name; undefined where one is not remembered. */
  coupons(claims: readonly NumberedClaim[]): Map<bigint, Coupon> | undefined {
    const found = new Map<bigint, Coupon>();
    for (const { command } of claims) {
      if (found.has(command.couponId)) continue;
      const coupon = this.byId.get(command.couponId);
      if (!coupon) return undefined;
      found.set(coupon.id, coupon);
    }
    return found;
  }

  get held(): Held {
    return this.holdings;
  }

  remember(coupons: readonly Coupon[], held: ReadonlyMap<bigint, bigint>): void {
    for (const coupon of coupons) this.byId.set(coupon.id, coupon);
    for (const [key, count] of held) this.holdings.set(key, count);
  }

  /** What becomes of these is not known. */
  forget(couponIds: Iterable<bigint>): void {
    for (const id of couponIds) this.byId.delete(id);
  }
}
