import test from "ava";
import { type Coupon, change, isInTime, statusOf, timeProblem } from "./coupon.ts";
import { claimRefusal } from "./coupon-claim.ts";
import { decideUse } from "./coupon-use.ts";
import { CouponQuantityTooLow } from "./errors.ts";
import type { MemberCoupon } from "./member-coupon.ts";

const start = 1_000_000n;
const end = 2_000_000n;

function coupon(changes: Partial<Coupon> = {}): Coupon {
  return {
    id: 1n,
    name: "Ten percent off",
    discount: { type: "percent", hundredths: 1_000n, most: undefined },
    currency: "SAR",
    minOrderAmount: undefined,
    totalQuantity: 10n,
    issuedQuantity: 0n,
    usedQuantity: 0n,
    perUserLimit: 1n,
    startsAt: start,
    endsAt: end,
    createdAt: 0n,
    updatedAt: 0n,
    ...changes,
  };
}

const issued: MemberCoupon = {
  id: 1n,
  couponId: 1n,
  userId: 1n,
  ordinal: 1n,
  issuedAt: start,
  state: { status: "issued" },
};
const order = { id: "order-1", userId: 1n, couponId: 1n, orderId: 1n, orderAmount: 10_000n, currency: "SAR" };

for (const [at, isIn, status] of [
  [start - 1n, false, "scheduled"],
  [start, true, "active"],
  [end, true, "active"],
  [end + 1n, false, "ended"],
] as const) {
  test(`a coupon of ${start} to ${end} is ${status} at ${at}, and claimed and used accordingly`, (t) => {
    t.is(isInTime(coupon(), at), isIn);
    t.is(statusOf(coupon(), at), status);
    const refusal = claimRefusal(coupon(), { issued: 0n, held: 0n, now: at });
    t.is(refusal?.reason, isIn ? undefined : "COUPON_NOT_AVAILABLE");
    const decision = decideUse(order, { known: undefined, coupon: coupon(), held: [issued], now: at });
    if (isIn) t.is(decision.kind, "made");
    else t.like(decision, { kind: "refused", refusal: { reason: "COUPON_NOT_AVAILABLE" } });
  });
}

test("a coupon without an end is had for good", (t) => {
  t.true(isInTime(coupon({ endsAt: undefined }), 2n ** 62n));
  t.is(statusOf(coupon({ endsAt: undefined }), 2n ** 62n), "active");
});

test("a coupon of which none is left is sold out within its time only", (t) => {
  const none = coupon({ issuedQuantity: 10n });
  const statuses = [start - 1n, start, end, end + 1n].map((at) => statusOf(none, at));
  t.deepEqual(statuses, ["scheduled", "sold_out", "sold_out", "ended"]);
});

test("a claim is refused for its time before its member, and for its member before there being none left", (t) => {
  const reason = (one: Coupon | undefined, held: bigint, count: bigint, now = start) =>
    claimRefusal(one, { issued: count, held, now })?.reason;
  t.is(reason(undefined, 1n, 10n), "COUPON_NOT_FOUND");
  t.is(reason(coupon(), 1n, 10n, end + 1n), "COUPON_NOT_AVAILABLE");
  t.is(reason(coupon(), 1n, 10n), "COUPON_ALREADY_ISSUED");
  t.is(reason(coupon(), 0n, 10n), "COUPON_SOLD_OUT");
  t.is(reason(coupon(), 0n, 9n), undefined);
});

test("an end is good at the start itself, and no microsecond before", (t) => {
  t.is(timeProblem({ startsAt: start, endsAt: start }), undefined);
  t.is(timeProblem({ startsAt: start, endsAt: undefined }), undefined);
  t.is(timeProblem({ startsAt: start, endsAt: start - 1n }), "must not be before starts at");
});

test("a coupon's quantity may fall to what has been issued, and no further", (t) => {
  const some = coupon({ issuedQuantity: 4n });
  t.is(change(some, { ...some, totalQuantity: 4n }, end).totalQuantity, 4n);
  t.throws(() => change(some, { ...some, totalQuantity: 3n }, end), { instanceOf: CouponQuantityTooLow });
});
