import type { Refusal } from "../../platform/refusal.ts";
import type { Instant } from "../../platform/time.ts";
import { type Coupon, isInTime } from "./coupon.ts";
import { CouponAlreadyIssued, CouponNotAvailable, CouponNotFound, CouponSoldOut } from "./errors.ts";

/** What a claim is decided by, beside the coupon. */
export interface ClaimFacts {
  /** How many have been issued, to all. */
  readonly issued: bigint;
  /** How many of those the member has. */
  readonly held: bigint;
  readonly now: Instant;
}

/** Why a member may not have a coupon; undefined: the member may. */
export function claimRefusal(coupon: Coupon | undefined, { issued, held, now }: ClaimFacts): Refusal | undefined {
  if (!coupon) return new CouponNotFound();
  if (!isInTime(coupon, now)) return new CouponNotAvailable();
  if (held >= coupon.perUserLimit) return new CouponAlreadyIssued();
  if (issued >= coupon.totalQuantity) return new CouponSoldOut();
  return undefined;
}
