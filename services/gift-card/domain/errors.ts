import { Refusal, Unavailable } from "../../platform/refusal.ts";

/** Thrown when a card is redeemed that is not active, is of the other type, or has no order to cancel. */
export class GiftCardNotRedeemable extends Refusal {
  constructor() {
    super("rule", { reason: "GIFT_CARD_NOT_REDEEMABLE", message: "Gift card cannot be redeemed" });
  }
}

/** Thrown when the maker of a card that is meant for another redeems it without its code. */
export class GiftCardNotYours extends Refusal {
  constructor() {
    super("forbidden", { reason: "GIFT_CARD_NOT_YOURS", message: "This gift card is meant for somebody else" });
  }
}

/** Thrown when the value or the state of a card that is not active is to be changed, or what any card is good for. */
export class GiftCardFinal extends Refusal {
  constructor(message = "The gift card cannot be changed any more") {
    super("rule", { reason: "GIFT_CARD_FINAL", message });
  }
}

/**
 * Thrown when whoever paid for a card cannot take its value back now: it is owed to them, and goes back once they can. The
 * cause says why not.
 */
export class ReturnDelayed extends Unavailable {
  constructor(cause: Refusal) {
    super("The value cannot go back to whoever paid for it now: it does as soon as it can", 60);
    this.cause = cause;
  }
}

/** Thrown when a caller, or all of them together, have tried too many codes that are no card's. */
export class TooManyGuesses extends Refusal {
  constructor(retryAfterSeconds: number) {
    super("too_many", {
      reason: "TOO_MANY_GUESSES",
      message: "Too many wrong codes, try again later",
      retryAfterSeconds,
    });
  }
}
