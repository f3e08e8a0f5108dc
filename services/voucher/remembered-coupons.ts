import { RecentlyUsed } from "../platform/recently-used.ts";
import type { ClaimBatch, NumberedClaim } from "./claim-batch.ts";
import type { Coupon } from "./domain/coupon.ts";
import { type Held, Holdings } from "./domain/holdings.ts";

const mostCoupons = 10_000;
const mostHoldings = 200_000;

/**
 * Coupons, and how many of them members have, as this process last saw them. Another process may have changed them
 * since: whoever goes by what is remembered must make sure of it in the transaction that rests on it.
 */
export class RememberedCoupons {
  private readonly byId = new RecentlyUsed<bigint, Coupon>(mostCoupons);
  private readonly holdings = new RememberedHoldings();

  /** All that these claims name, as they are after those before; undefined where one is not remembered. */
  coupons(claims: readonly NumberedClaim[], before: ClaimBatch | undefined): Map<bigint, Coupon> | undefined {
    const found = new Map<bigint, Coupon>();
    for (const { command } of claims) {
      if (found.has(command.couponId)) continue;
      const coupon = before?.couponAfter(command.couponId) ?? this.byId.get(command.couponId);
      if (!coupon) return undefined;
      found.set(coupon.id, coupon);
    }
    return found;
  }

  get held(): Held {
    return this.holdings;
  }

  /** Remembers how many a member was seen to have. */
  rememberHeld(couponId: bigint, userId: bigint, held: bigint): void {
    this.holdings.set(couponId, userId, held);
  }

  /** Remembers coupons, and what members have of them, as they are once a batch is committed. */
  remember(batch: ClaimBatch): void {
    for (const coupon of batch.couponsAfter) this.byId.set(coupon.id, coupon);
    for (const { couponId, userId, ordinal } of batch.issued) this.holdings.set(couponId, userId, ordinal);
  }

  /** What becomes of these is not known. */
  forget(couponIds: Iterable<bigint>): void {
    for (const id of couponIds) this.byId.delete(id);
  }
}

/** Those that were seen last: at least half as many as may be held, and never more. */
class RememberedHoldings implements Held {
  private young = new Holdings();
  private old = new Holdings();

  get(couponId: bigint, userId: bigint): bigint | undefined {
    return this.young.get(couponId, userId) ?? this.old.get(couponId, userId);
  }

  set(couponId: bigint, userId: bigint, held: bigint): void {
    if (this.young.size >= mostHoldings / 2) {
      this.old = this.young;
      this.young = new Holdings();
    }
    this.young.set(couponId, userId, held);
  }
}
