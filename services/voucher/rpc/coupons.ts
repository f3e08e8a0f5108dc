import { CouponService } from "../../../gen/giftmesh/voucher/v1/coupon_service_pb.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { memberId } from "../../platform/rpc/access.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { now, toTimestamp } from "../../platform/time.ts";
import type { CouponClaims } from "../coupon-claims.ts";
import { CouponNotFound } from "../domain/errors.ts";
import type { MemberCoupon } from "../domain/member-coupon.ts";
import type { Coupons } from "../store/coupons.ts";
import { listedCouponKey, type MemberCouponList } from "../store/member-coupon-list.ts";
import { couponShape, memberCouponShape, memberCouponStatusCodes, readMemberCouponStatus } from "./coupon-shapes.ts";

/** Coupons, for members. */
export function serveCoupons(claims: CouponClaims, coupons: Coupons, members: MemberCouponList): Served {
  return serve(CouponService, {
    async claimCoupon({ couponId }, { caller: { userId }, receipt, deadline }) {
      const beside = receipt && ((issued: MemberCoupon) => receipt.settling(claimedShape(issued)));
      const command = { couponId, userId, ...(beside && { receiptId: receipt.id, beside }) };
      return claimedShape(await claims.claim(command, deadline));
    },

    async getCoupon({ couponId }) {
      const coupon = await coupons.find(couponId);
      if (!coupon) throw new CouponNotFound();
      return { coupon: couponShape(coupon, now()) };
    },

    async listMemberCoupons(request, call) {
      const paging = readPaging(request, 2);
      const userId = memberId(request.memberId, call.caller);
      const status = request.status === undefined ? undefined : readMemberCouponStatus(request.status);
      const { rows, pageInfo } = pageOf(paging, {
        rows: await members.list(userId, status, paging),
        keyOf: listedCouponKey,
        total: paging.kind === "page" ? await members.count(userId, status) : undefined,
      });
      return { coupons: rows.map(memberCouponShape), pageInfo };
    },
  });
}

function claimedShape({ id, couponId, state, issuedAt }: MemberCoupon) {
  return { id, couponId, status: memberCouponStatusCodes[state.status], issuedAt: toTimestamp(issuedAt) };
}
