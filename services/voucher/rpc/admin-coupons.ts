import {
  AdminCouponService,
  type UpdateCouponRequest,
} from "../../../gen/giftmesh/voucher/v1/admin_coupon_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { InvalidFields } from "../../platform/refusal.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { now, toInstant } from "../../platform/time.ts";
import { type Coupon, type CouponOffer, change, timeProblem } from "../domain/coupon.ts";
import { CouponNotFound } from "../domain/errors.ts";
import { type Coupons, couponKey } from "../store/coupons.ts";
import { adminCouponShape } from "./coupon-shapes.ts";
import { readNewCoupon } from "./new-coupon.ts";

/** What the house's coupons stand on. */
export interface AdminCouponParts {
  readonly database: Database;
  readonly coupons: Coupons;
  readonly ids: IdSequence;
  /** ISO 4217. */
  readonly defaultCurrency: string;
}

/** Coupons, for those who run the house. */
export function serveAdminCoupons({ database, coupons, ids, defaultCurrency }: AdminCouponParts): Served {
  return serve(AdminCouponService, {
    async listCoupons(request) {
      const paging = readPaging(request, 2);
      const { rows, pageInfo } = pageOf(paging, {
        rows: await coupons.list(paging),
        keyOf: couponKey,
        total: paging.kind === "page" ? await coupons.count() : undefined,
      });
      const at = now();
      return { coupons: rows.map((coupon) => adminCouponShape(coupon, at)), pageInfo };
    },

    async createCoupon(request, call) {
      const at = now();
      const wanted = readNewCoupon(request, defaultCurrency, at);
      const made = { id: await ids.take(), issuedQuantity: 0n, usedQuantity: 0n, createdAt: at, updatedAt: at };
      const coupon: Coupon = { ...wanted, ...made };
      return database.transaction(async (tx) => {
        await coupons.insert(tx, coupon);
        return settle(tx, call, { coupon: adminCouponShape(coupon, at) });
      });
    },

    async getAdminCoupon({ couponId }) {
      return { coupon: adminCouponShape(found(await coupons.find(couponId)), now()) };
    },

    async updateCoupon(request, call) {
      return database.transaction(async (tx) => {
        // Nobody claims one while it is decided how many there are.
        const coupon = found(await coupons.lock(tx, request.couponId));
        const at = now();
        const changed = change(coupon, readOffer(request, coupon), at);
        await coupons.update(tx, changed);
        return settle(tx, call, { coupon: adminCouponShape(changed, at) });
      });
    },
  });
}

/** What a coupon is to be offered as: what is not named stays as it is. Throws InvalidFields. */
function readOffer(request: UpdateCouponRequest, coupon: CouponOffer): CouponOffer {
  const offer = {
    name: request.name ?? coupon.name,
    totalQuantity: request.totalQuantity ?? coupon.totalQuantity,
    perUserLimit: request.perUserLimit === undefined ? coupon.perUserLimit : BigInt(request.perUserLimit),
    startsAt: request.startsAt ? toInstant(request.startsAt) : coupon.startsAt,
    endsAt: request.endsAt ? toInstant(request.endsAt) : coupon.endsAt,
  };
  const problem = timeProblem(offer);
  if (problem) throw new InvalidFields([{ field: "ends_at", description: `The ends at ${problem}.` }]);
  return offer;
}

function found(coupon: Coupon | undefined): Coupon {
  if (!coupon) throw new CouponNotFound();
  return coupon;
}
