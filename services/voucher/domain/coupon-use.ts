import type { Refusal } from "../../platform/refusal.ts";
import type { Instant } from "../../platform/time.ts";
import { type Coupon, isInTime } from "./coupon.ts";
import { discountOn } from "./discount.ts";
import {
  CouponAlreadyUsed,
  CouponNotApplicable,
  CouponNotAvailable,
  CouponNotFound,
  CouponUseEnded,
} from "./errors.ts";
import type { MemberCoupon } from "./member-coupon.ts";

/** A use that an order wants made. */
export interface UseCommand {
  /** Made by the caller: the same id is the same use, however often it is asked for. */
  readonly id: string;
  readonly userId: bigint;
  readonly couponId: bigint;
  readonly orderId: bigint;
  /** What the order comes to without the coupon, in minor units, above zero. */
  readonly orderAmount: bigint;
  /** ISO 4217. */
  readonly currency: string;
}

/** An order has a member's coupon. */
export interface LiveUse extends UseCommand {
  readonly status: "used";
  readonly memberCouponId: bigint;
  /** Off the whole order, in minor units. */
  readonly discount: bigint;
  readonly createdAt: Instant;
}

/** The id will never be a use: it has been returned, whether it had been one or not. */
export interface EndedUse {
  readonly status: "returned";
  readonly id: string;
}

export type CouponUse = LiveUse | EndedUse;

/** What a use is decided by. */
export interface UseFacts {
  /** The use of that id, where there is one. */
  readonly known: CouponUse | undefined;
  readonly coupon: Coupon | undefined;
  /** The member's coupons of that kind, by their ordinal. */
  readonly held: readonly MemberCoupon[];
  readonly now: Instant;
}

export type UseDecision =
  | { readonly kind: "made"; readonly use: LiveUse; readonly from: MemberCoupon }
  | { readonly kind: "made before"; readonly use: LiveUse }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Decides one use. */
export function decideUse(command: UseCommand, { known, coupon, held, now }: UseFacts): UseDecision {
  if (known) {
    return known.status === "used" && isSameUse(command, known)
      ? { kind: "made before", use: known }
      : refused(new CouponUseEnded(command.id));
  }
  if (!coupon || held.length === 0) return refused(new CouponNotFound());
  const from = held.find(({ state }) => state.status === "issued");
  if (!from) return refused(new CouponAlreadyUsed());
  if (!isInTime(coupon, now)) return refused(new CouponNotAvailable());
  if (!isApplicable(coupon, command)) return refused(new CouponNotApplicable());

  const discount = discountOn(command.orderAmount, coupon.discount);
  const use: LiveUse = { ...command, status: "used", memberCouponId: from.id, discount, createdAt: now };
  return { kind: "made", use, from };
}

function isApplicable({ currency, minOrderAmount }: Coupon, order: UseCommand): boolean {
  return order.currency === currency && (minOrderAmount === undefined || order.orderAmount >= minOrderAmount);
}

function isSameUse(command: UseCommand, made: LiveUse): boolean {
  return (
    made.userId === command.userId &&
    made.couponId === command.couponId &&
    made.orderId === command.orderId &&
    made.orderAmount === command.orderAmount &&
    made.currency === command.currency
  );
}

function refused(refusal: Refusal): UseDecision {
  return { kind: "refused", refusal };
}
