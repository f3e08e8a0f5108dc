import type { Store } from "./sides.ts";

/** What the cards are worth that are laid out: minor units. */
export const worth = 1_000n;
export const currency = "SAR";

/** What their codes are kept under, on every side. */
export const codeKey = { id: "bench", secret: Buffer.alloc(32, "bench") };

/** Has a mesh on a store keep codes under that key. */
export function withCodeKey({ environment, server }: Store): Store {
  const key = `${codeKey.id}:${codeKey.secret.toString("base64")}`;
  return { environment: { ...environment, GIFT_CARD_KEYS: key }, server };
}
