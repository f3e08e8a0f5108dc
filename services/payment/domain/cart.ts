import { NotFound } from "../../platform/refusal.ts";
import { CartFull, CartQuantityExceeded } from "./errors.ts";
import type { Line } from "./pricing.ts";

/** How many units of one product a cart holds. */
const mostUnits = 1_000n;

/** How many products a cart holds. */
const mostLines = 100;

/** What becomes of one product's line. */
export type CartChange = { readonly kind: "set"; readonly quantity: bigint } | { readonly kind: "remove" };

/** Adds units to those that are there. Throws CartQuantityExceeded and CartFull. */
export function add(lines: readonly Line[], productId: bigint, quantity: bigint): CartChange {
  const present = lines.find((line) => line.productId === productId);
  if (!present && lines.length >= mostLines) throw new CartFull();
  const sum = (present?.quantity ?? 0n) + quantity;
  if (sum > mostUnits) throw new CartQuantityExceeded();
  return { kind: "set", quantity: sum };
}

/** Says how many there are to be. Throws NotFound where the product is not in the cart. */
export function update(lines: readonly Line[], productId: bigint, quantity: bigint): CartChange {
  findIn(lines, productId);
  return { kind: "set", quantity };
}

/** Takes a product out. Throws NotFound where it is not in the cart. */
export function remove(lines: readonly Line[], productId: bigint): CartChange {
  findIn(lines, productId);
  return { kind: "remove" };
}

function findIn(lines: readonly Line[], productId: bigint): void {
  if (!lines.some((line) => line.productId === productId)) throw new NotFound("Cart item");
}
