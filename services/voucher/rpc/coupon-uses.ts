import { CouponUseService } from "../../../gen/giftmesh/voucher/v1/coupon_use_service_pb.ts";
import { inBatches } from "../../platform/rpc/batch-twin.ts";
import { type Handlers, type Served, serve } from "../../platform/rpc/handler.ts";
import type { CouponUses } from "../coupon-uses.ts";

/** What orders do with coupons, for other services. */
export function serveCouponUses(uses: CouponUses): Served {
  const useCoupon: Handlers<typeof CouponUseService>["useCoupon"] = async (request, call) => {
    const { id, userId, couponId, orderId, orderAmount } = request;
    const { currencyCode: currency = "", minorUnits = 0n } = orderAmount ?? {};
    const command = { id, userId, couponId, orderId, orderAmount: minorUnits, currency };
    const { memberCouponId, discount } = await uses.use(command, call.deadline);
    return { memberCouponId, discount: { currencyCode: currency, minorUnits: discount } };
  };

  const returnCoupon: Handlers<typeof CouponUseService>["returnCoupon"] = async ({ id }, call) => {
    await uses.return(id, call.deadline);
    return {};
  };

  return serve(CouponUseService, {
    useCoupon,
    batchUseCoupon: inBatches(useCoupon),
    returnCoupon,
    batchReturnCoupon: inBatches(returnCoupon),
  });
}
