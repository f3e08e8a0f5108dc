import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  CouponStatus as CouponStatusCode,
  DiscountType as DiscountTypeCode,
  MemberCouponStatus as MemberCouponStatusCode,
} from "../../../gen/giftmesh/voucher/v1/coupon_pb.ts";
import type { MemberCouponSchema } from "../../../gen/giftmesh/voucher/v1/coupon_service_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { type Instant, toTimestamp } from "../../platform/time.ts";
import { type Coupon, type CouponStatus, statusOf } from "../domain/coupon.ts";
import type { DiscountType } from "../domain/discount.ts";
import type { MemberCouponStatus } from "../domain/member-coupon.ts";
import { formatPercent } from "../domain/percent.ts";
import type { ListedCoupon } from "../store/member-coupon-list.ts";

const discountTypeCodes: Readonly<Record<DiscountType, DiscountTypeCode>> = {
  percent: DiscountTypeCode.PERCENT,
  fixed: DiscountTypeCode.FIXED,
};

const couponStatusCodes: Readonly<Record<CouponStatus, CouponStatusCode>> = {
  scheduled: CouponStatusCode.SCHEDULED,
  active: CouponStatusCode.ACTIVE,
  sold_out: CouponStatusCode.SOLD_OUT,
  ended: CouponStatusCode.ENDED,
};

/** What the statuses of a member's coupon are called in messages. */
export const memberCouponStatusCodes: Readonly<Record<MemberCouponStatus, MemberCouponStatusCode>> = {
  issued: MemberCouponStatusCode.ISSUED,
  used: MemberCouponStatusCode.USED,
};

/** The proto's rules have let no other through. */
export function readMemberCouponStatus(code: MemberCouponStatusCode): MemberCouponStatus {
  return code === MemberCouponStatusCode.USED ? "used" : "issued";
}

/** A coupon as everybody sees it, at an instant. */
export function couponShape(coupon: Coupon, at: Instant) {
  const { id, totalQuantity, issuedQuantity, perUserLimit, startsAt, endsAt } = coupon;
  return {
    id,
    ...termsShape(coupon),
    totalQuantity,
    remainingQuantity: totalQuantity - issuedQuantity,
    perUserLimit: Number(perUserLimit),
    status: couponStatusCodes[statusOf(coupon, at)],
    startsAt: toTimestamp(startsAt),
    ...instant("endsAt", endsAt),
  };
}

/** A coupon as those who run the house see it, at an instant. */
export function adminCouponShape(coupon: Coupon, at: Instant) {
  const { issuedQuantity, usedQuantity, createdAt, updatedAt } = coupon;
  return {
    ...couponShape(coupon, at),
    issuedQuantity,
    usedQuantity,
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}

/** A coupon as the member sees who has it. */
export function memberCouponShape({ mine, coupon }: ListedCoupon): MessageInitShape<typeof MemberCouponSchema> {
  const { id, couponId, issuedAt, state } = mine;
  return {
    id,
    couponId,
    ...termsShape(coupon),
    status: memberCouponStatusCodes[state.status],
    issuedAt: toTimestamp(issuedAt),
    ...(state.status === "used" && { orderId: state.orderId, usedAt: toTimestamp(state.usedAt) }),
    ...instant("endsAt", coupon.endsAt),
  };
}

function termsShape({ name, discount, currency, minOrderAmount }: Coupon) {
  return {
    name,
    discountType: discountTypeCodes[discount.type],
    discountValue:
      discount.type === "percent" ? formatPercent(discount.hundredths) : formatAmount(discount.amount, currency),
    currency,
    ...amount("minOrderAmount", minOrderAmount, currency),
    ...(discount.type === "percent" && amount("maxDiscount", discount.most, currency)),
  };
}

function amount<K extends string>(name: K, minorUnits: bigint | undefined, currency: string) {
  return minorUnits === undefined ? undefined : ({ [name]: formatAmount(minorUnits, currency) } as Record<K, string>);
}

function instant<K extends string>(name: K, at: Instant | undefined) {
  return at === undefined ? undefined : ({ [name]: toTimestamp(at) } as Record<K, ReturnType<typeof toTimestamp>>);
}
