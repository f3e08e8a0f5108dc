import { Refusal } from "../../platform/refusal.ts";

/** Thrown when there is no such coupon, or the member has none of it. */
export class CouponNotFound extends Refusal {
  constructor() {
    super("not_found", { reason: "COUPON_NOT_FOUND", message: "Coupon not found" });
  }
}

/** Thrown when a coupon is claimed or used outside its time. */
export class CouponNotAvailable extends Refusal {
  constructor() {
    super("rule", { reason: "COUPON_NOT_AVAILABLE", message: "This coupon is not available at this time" });
  }
}

/** Thrown when a member claims a coupon and has as many of it as one may have. */
export class CouponAlreadyIssued extends Refusal {
  constructor() {
    super("conflict", { reason: "COUPON_ALREADY_ISSUED", message: "This coupon has been issued to you already" });
  }
}

/** Thrown when a coupon is claimed of which none is left. */
export class CouponSoldOut extends Refusal {
  constructor() {
    super("rule", { reason: "COUPON_SOLD_OUT", message: "This coupon is sold out" });
  }
}

/** Thrown when a coupon's quantity would fall below what has been issued of it. */
export class CouponQuantityTooLow extends Refusal {
  constructor(issued: bigint) {
    super("rule", {
      reason: "COUPON_QUANTITY_TOO_LOW",
      message: `The total quantity must not be below the ${issued} that have been issued`,
    });
  }
}

/** Thrown when orders have every coupon that the member has of this one. */
export class CouponAlreadyUsed extends Refusal {
  constructor() {
    super("rule", { reason: "COUPON_ALREADY_USED", message: "This coupon has been used already" });
  }
}

/** Thrown when a coupon is not for this order: it comes to too little, or is of another currency. */
export class CouponNotApplicable extends Refusal {
  constructor() {
    super("rule", { reason: "COUPON_NOT_APPLICABLE", message: "This coupon is not applicable to this order" });
  }
}

/** Thrown when the id of a use is spent: the use was returned, or it was made with other content. */
export class CouponUseEnded extends Refusal {
  constructor(id: string) {
    super("conflict", { reason: "COUPON_USE_ENDED", message: `Coupon use ${id} has ended, or is another one` });
  }
}
