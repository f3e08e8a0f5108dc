import type { Card, CardState } from "../domain/card.ts";
import { begin } from "../domain/steps.ts";

/** A card of 100.00 SAR that user 1 has begun for jane@example.com; but for what is given. */
export function cardWith(changes: Partial<Card> = {}): Card {
  const wanted = {
    id: 17n,
    requestId: "request",
    batchId: undefined,
    giftType: "wallet",
    currency: "SAR",
    amount: 10_000n,
    goods: undefined,
    sender: { id: 1n, name: "Maker" },
    payerId: 1n,
    recipient: { name: "Jane", email: "jane@example.com", number: undefined },
    backgroundColor: undefined,
    backgroundImageId: undefined,
    message: undefined,
    notes: undefined,
    code: {
      searchKey: Buffer.from("its key"),
      searchKeyId: "one",
      sealed: Buffer.from("sealed"),
      sealKeyId: "one",
      last4: "WXYZ",
    },
    expiresAt: undefined,
  } as const;
  return { ...begin(wanted, 1_000n), ...changes };
}

/** The same as an `order` card, for a product of 80.00. */
export function orderCardWith(changes: Partial<Card> = {}): Card {
  const goods = { vendorId: 3n, productId: 7n, offerId: undefined, price: 8_000n };
  return cardWith({ giftType: "order", goods, ...changes });
}

/** Everything that a card may be, at rest and under way. */
export const cardStates: readonly CardState[] = [
  "making",
  "active",
  "redeeming",
  "ordering",
  "unordering",
  "changing",
  "returning",
  "used",
  "expired",
  "cancelled",
  "failed",
  "deleted",
];
