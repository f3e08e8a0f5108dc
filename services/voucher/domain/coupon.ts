import type { Instant } from "../../platform/time.ts";
import type { Discount } from "./discount.ts";
import { CouponQuantityTooLow } from "./errors.ts";

/** What a coupon is once it is made, whatever becomes of it. */
export interface CouponTerms {
  readonly discount: Discount;
  /** ISO 4217: of its amounts, and of the orders that it is for. */
  readonly currency: string;
  /** The least that an order must come to without it, in minor units; undefined: any. */
  readonly minOrderAmount: bigint | undefined;
}

/** What of a coupon can be changed. */
export interface CouponOffer {
  readonly name: string;
  readonly totalQuantity: bigint;
  /** How many one member may have. */
  readonly perUserLimit: bigint;
  /** It can be claimed and used from this instant on, and up to `endsAt`, itself included; undefined: for good. */
  readonly startsAt: Instant;
  readonly endsAt: Instant | undefined;
}

/** A coupon that members may claim. */
export interface Coupon extends CouponTerms, CouponOffer {
  readonly id: bigint;
  readonly issuedQuantity: bigint;
  /** How many orders have. */
  readonly usedQuantity: bigint;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** Whether a coupon can be had. */
export type CouponStatus = "scheduled" | "active" | "sold_out" | "ended";

/** Whether a coupon can be had at an instant. */
export function statusOf(coupon: Coupon, at: Instant): CouponStatus {
  if (hasEnded(coupon, at)) return "ended";
  if (at < coupon.startsAt) return "scheduled";
  return coupon.issuedQuantity >= coupon.totalQuantity ? "sold_out" : "active";
}

/** Whether an instant is within the time that a coupon can be claimed and used in. */
export function isInTime(coupon: CouponOffer, at: Instant): boolean {
  return at >= coupon.startsAt && !hasEnded(coupon, at);
}

function hasEnded({ endsAt }: CouponOffer, at: Instant): boolean {
  return endsAt !== undefined && at > endsAt;
}

/** What is wrong with a coupon's time: the end of a sentence that starts "The ends at …"; undefined where nothing is. */
export function timeProblem({ startsAt, endsAt }: Pick<CouponOffer, "startsAt" | "endsAt">): string | undefined {
  return endsAt !== undefined && endsAt < startsAt ? "must not be before starts at" : undefined;
}

/** A coupon with another offer. Throws CouponQuantityTooLow where that is for fewer than have been issued. */
export function change(coupon: Coupon, offer: CouponOffer, at: Instant): Coupon {
  if (offer.totalQuantity < coupon.issuedQuantity) throw new CouponQuantityTooLow(coupon.issuedQuantity);
  return { ...coupon, ...offer, updatedAt: at };
}
