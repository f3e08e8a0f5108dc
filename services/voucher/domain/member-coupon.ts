import type { Instant } from "../../platform/time.ts";

/** A coupon that a member has. */
export interface MemberCoupon {
  readonly id: bigint;
  readonly couponId: bigint;
  readonly userId: bigint;
  /** Which of the member's coupons of that kind it is, from 1 without a gap, in the order they were claimed. */
  readonly ordinal: bigint;
  readonly issuedAt: Instant;
  readonly state: MemberCouponState;
}

/** Whether an order has it. */
export type MemberCouponState =
  | { readonly status: "issued" }
  | { readonly status: "used"; readonly useId: string; readonly orderId: bigint; readonly usedAt: Instant };

export type MemberCouponStatus = MemberCouponState["status"];

/** Ids are below 2^53. */
const idBits = 53n;

/** A member and a coupon, as one key. */
export function holdingKey(couponId: bigint, userId: bigint): bigint {
  return (couponId << idBits) | userId;
}
