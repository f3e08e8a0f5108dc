import { Refusal } from "../../platform/refusal.ts";

/** Thrown when the products of an order are of several currencies. */
export class MixedCurrencies extends Refusal {
  constructor() {
    super("rule", { reason: "MIXED_CURRENCIES", message: "The products of one order must have one currency" });
  }
}

/** Thrown when an order would come to more than 9007199254740991 minor units. */
export class OrderTooLarge extends Refusal {
  constructor() {
    super("rule", { reason: "ORDER_TOO_LARGE", message: "The order comes to more than can be paid at once" });
  }
}

/** Thrown when an order that was cancelled, or has expired, is to be paid. */
export class PaymentNotPayable extends Refusal {
  constructor(why: "cancelled" | "expired") {
    super("rule", { reason: "PAYMENT_NOT_PAYABLE", message: `The order ${whatBecameOfIt[why]}` });
  }
}

const whatBecameOfIt = { cancelled: "has been cancelled", expired: "has expired" };

/** Thrown when an order has expired, or a vendor has completed something of it, and it is to be cancelled. */
export class OrderNotCancellable extends Refusal {
  constructor() {
    super("rule", { reason: "ORDER_NOT_CANCELLABLE", message: "The order cannot be cancelled" });
  }
}

/** Thrown when a vendor completes an order that is not paid, or not any more. */
export class OrderNotCompletable extends Refusal {
  constructor() {
    super("rule", { reason: "ORDER_NOT_COMPLETABLE", message: "The order cannot be completed" });
  }
}

/** Thrown when a gift-card order's id comes again with other content. */
export class OrderIdReused extends Refusal {
  constructor() {
    super("conflict", { reason: "ORDER_ID_REUSED", message: "An order of this id has been placed with other content" });
  }
}

/** Thrown when a gift-card order was refused before: no order of that id will ever be placed. */
export class OrderRefusedBefore extends Refusal {
  constructor() {
    super("conflict", { reason: "ORDER_REFUSED_BEFORE", message: "An order of this id has been refused" });
  }
}

/** Thrown when a gift card is to pay more than it is worth, or in another currency. */
export class GiftCardTooSmall extends Refusal {
  constructor() {
    super("rule", { reason: "GIFT_CARD_TOO_SMALL", message: "The gift card does not cover the price" });
  }
}

/** Thrown when a cart would hold more than 1,000 units of a product. */
export class CartQuantityExceeded extends Refusal {
  constructor() {
    super("rule", { reason: "CART_QUANTITY_EXCEEDED", message: "A cart cannot hold more than 1,000 of one product" });
  }
}

/** Thrown when a cart would hold more than 100 products. */
export class CartFull extends Refusal {
  constructor() {
    super("rule", { reason: "CART_FULL", message: "A cart cannot hold more than 100 products" });
  }
}
