import { countLane } from "../platform/lane-metrics.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { createVouchers, voucherMigrations } from "./codes/create-vouchers.ts";
import { CouponClaims, couponNumbersAtOnce } from "./coupon-claims.ts";
import { CouponUses } from "./coupon-uses.ts";
import { serveAdminCoupons } from "./rpc/admin-coupons.ts";
import { serveCouponUses } from "./rpc/coupon-uses.ts";
import { serveCoupons } from "./rpc/coupons.ts";
import { purgeReturnedUses, returnedUsesKeptFor } from "./store/coupon-uses.ts";
import { Coupons } from "./store/coupons.ts";
import { MemberCouponList } from "./store/member-coupon-list.ts";
import { migrations } from "./store/migrations.ts";

/** Gives coupons to whoever comes first, and to orders what they take off; and has voucher codes made for who asks. */
export const voucher: ServiceDefinition = {
  name: "voucher",
  migrations: [...migrations, ...voucherMigrations],
  async create(platform) {
    const { config, database, metrics, ids } = platform;
    const vouchers = await createVouchers(platform);
    const coupons = new Coupons(database);
    const claims = new CouponClaims(
      database,
      ids("member_coupons", couponNumbersAtOnce),
      countLane(metrics, "coupon_claims"),
    );
    const uses = new CouponUses(database, countLane(metrics, "coupon_uses"));
    return {
      serves: [
        serveCoupons(claims, coupons, new MemberCouponList(database)),
        serveAdminCoupons({ database, coupons, ids: ids("coupons"), defaultCurrency: config.defaultCurrency }),
        serveCouponUses(uses),
        ...vouchers.serves,
      ],
      consumes: vouchers.consumes,
      workers: [
        ...vouchers.workers,
        {
          name: "purge-returned-coupon-uses",
          everyMs: 600_000,
          alone: true,
          run: () => purgeReturnedUses(database, now() - returnedUsesKeptFor),
        },
      ],
      stop: vouchers.stop,
    };
  },
};
