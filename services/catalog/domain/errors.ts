import { NotFound, Refusal } from "../../platform/refusal.ts";

/** Thrown when fewer units are free than are to be held, sold or taken away. */
export class OutOfStock extends Refusal {
  constructor() {
    super("rule", { reason: "OUT_OF_STOCK", message: "Out of stock" });
  }
}

/** Thrown when more units would be free than the house can count: 10^12. */
export class StockLimitExceeded extends Refusal {
  constructor() {
    super("rule", { reason: "STOCK_LIMIT_EXCEEDED", message: "No more than 1000000000000 units can be free" });
  }
}

/** Thrown when a hold's id is that of one that was released, has expired, or holds something else. */
export class HoldEnded extends Refusal {
  constructor(id: string) {
    super("conflict", { reason: "HOLD_ENDED", message: `Hold ${id} has ended, or holds something else` });
  }
}

/** Thrown when there is no hold of that id to commit. */
export class HoldNotFound extends NotFound {
  constructor() {
    super("Hold");
  }
}

/** Thrown when a vendor is not there. */
export class VendorNotFound extends NotFound {
  constructor() {
    super("Vendor");
  }
}

/** Thrown when a product is not there, or not on sale where that is what matters. */
export class ProductNotFound extends NotFound {
  constructor() {
    super("Product");
  }
}

/** Thrown when an offer is not there; where something is to be bought at it: when it does not run, or is another product's. */
export class OfferNotFound extends NotFound {
  constructor() {
    super("Offer");
  }
}
