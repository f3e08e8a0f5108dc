import { answer, callerId, createFront, idOf, Refused, requireAdmin, serveFront, shownTime } from "./front.ts";

/** A coupon to be given away, from now on and for good. */
export interface NewCoupon {
  readonly name: string;
  readonly totalQuantity: number;
  readonly perUserLimit: number;
}

/** What a member has claimed. */
export interface Claimed {
  readonly id: number;
  /** Microseconds since 1970. */
  readonly issuedAt: number;
}

/** Where coupons are kept. */
export interface CouponStore {
  add(coupon: NewCoupon): Promise<number>;
  /** Answers what is claimed, durably, or why it is not. */
  claim(couponId: number, userId: number): Promise<Claimed | ClaimRefusal>;
}

const refusals = {
  COUPON_NOT_FOUND: new Refused(404, "COUPON_NOT_FOUND", "Coupon not found"),
  COUPON_NOT_AVAILABLE: new Refused(400, "COUPON_NOT_AVAILABLE", "This coupon is not available now"),
  COUPON_ALREADY_ISSUED: new Refused(409, "COUPON_ALREADY_ISSUED", "This coupon has been issued to you already"),
  COUPON_SOLD_OUT: new Refused(400, "COUPON_SOLD_OUT", "This coupon is sold out"),
};

export type ClaimRefusal = keyof typeof refusals;

/** Serves coupons from a store: the contract's routes, and its answers to the byte. */
export async function serveCoupons(store: CouponStore): Promise<void> {
  const app = await createFront();
  app.post("/admin-api/coupons", async (request, reply) => {
    requireAdmin(request);
    const { name, total_quantity: totalQuantity, per_user_limit: perUserLimit = 1 } = request.body as never;
    const id = await store.add({ name, totalQuantity, perUserLimit });
    return answer(reply, 201, "Coupon created successfully", { id });
  });
  app.post<{ Params: { couponId: string } }>("/coupons/:couponId", async (request, reply) => {
    const couponId = idOf(request.params.couponId, "coupon id");
    const claimed = await store.claim(couponId, callerId(request));
    if (typeof claimed === "string") throw refusals[claimed];
    return answer(reply, 201, "Coupon issued successfully", {
      id: claimed.id,
      coupon_id: couponId,
      status: "issued",
      issued_at: shownTime(claimed.issuedAt),
    });
  });
  await serveFront(app);
}
