import { mostMinorUnits } from "../../platform/money.ts";
import { MixedCurrencies, OrderTooLarge } from "./errors.ts";

/** What somebody asks for. */
export interface Line {
  readonly productId: bigint;
  /** Units, above zero. */
  readonly quantity: bigint;
}

/** What a product costs at an instant, as the catalog says. */
export interface Quote {
  readonly productId: bigint;
  readonly vendorId: bigint;
  readonly name: string;
  /** Minor units. */
  readonly unitPrice: bigint;
  /** ISO 4217. */
  readonly currency: string;
  readonly offerId: bigint | undefined;
}

/** So many of a product, at a price. */
export interface PricedLine extends Quote {
  readonly quantity: bigint;
}

/** Makes one line of those that are of one product, where the first of them stood. */
export function addUp(lines: readonly Line[]): Line[] {
  const quantities = new Map<bigint, bigint>();
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0n) + quantity);
  return Array.from(quantities, ([productId, quantity]) => ({ productId, quantity }));
}

/**
 * Puts prices to lines; there is a quote for each, in order. Throws MixedCurrencies, and OrderTooLarge where it all comes
 * to more than 2^53 - 1 minor units.
 */
export function price(lines: readonly Line[], quotes: readonly Quote[]): PricedLine[] {
  const priced = lines.map(({ quantity }, index) => {
    const quote = quotes[index];
    if (!quote) throw new Error("A line has no quote");
    return { ...quote, quantity };
  });
  if (new Set(priced.map(({ currency }) => currency)).size > 1) throw new MixedCurrencies();
  if (sum(priced.map(amountOf)) > mostMinorUnits) throw new OrderTooLarge();
  return priced;
}

/** What a line comes to before any discount, in minor units. */
export function amountOf({ unitPrice, quantity }: Pick<PricedLine, "unitPrice" | "quantity">): bigint {
  return unitPrice * quantity;
}

/**
 * Parts a discount among amounts in proportion, none of them more than its amount, so that the parts add up to the whole:
 * what rounding down leaves goes, a minor unit each, to those that lost most by it. The discount is at most their sum.
 */
export function allocate(discount: bigint, amounts: readonly bigint[]): bigint[] {
  const total = sum(amounts);
  if (discount > total) throw new RangeError("A discount cannot be more than what it is taken off");
  if (total === 0n) return amounts.map(() => 0n);
  const parts = amounts.map((amount) => (discount * amount) / total);
  const left = Number(discount - sum(parts));
  const byLoss = amounts
    .map((amount, index) => ({ index, loss: (discount * amount) % total }))
    .sort((a, b) => (a.loss === b.loss ? a.index - b.index : a.loss > b.loss ? -1 : 1));
  for (const { index } of byLoss.slice(0, left)) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts;
}

export function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((a, b) => a + b, 0n);
}
