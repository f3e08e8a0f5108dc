import type { Instant } from "../../platform/time.ts";
import type { Card } from "./card.ts";
import { facetOf } from "./facets.ts";

/**
 * What is counted: cards by what they are now, cards by the month they were made in, redeemed ones by the month of that.
 */
export type CounterKind = "facet" | "made" | "redeemed";

/** What one counter counts. */
export interface CounterKey {
  readonly kind: CounterKind;
  /** The vendor whose cards are counted; 0 for all cards. */
  readonly vendorId: bigint;
  readonly currency: string;
  /** Of `facet` the facet's number, else the month, as 202611. */
  readonly part: bigint;
}

/** What is to be added to a counter. */
export interface Count extends CounterKey {
  readonly count: bigint;
  /** Minor units. */
  readonly amount: bigint;
}

/** What a card adds to the counters; nothing where clients do not see it. */
export function countsOf(card: Card): Count[] {
  const facet = facetOf(card);
  if (!facet) return [];
  const { currency, amount } = card;
  const one = { currency, count: 1n, amount };
  const house: Count[] = [
    { ...one, kind: "facet", vendorId: 0n, part: facet.number },
    { ...one, kind: "made", vendorId: 0n, part: monthOf(card.createdAt) },
  ];
  if (facet.status === "used" && card.redeemedAt !== undefined) {
    house.push({ ...one, kind: "redeemed", vendorId: 0n, part: monthOf(card.redeemedAt) });
  }
  if (card.goods) house.push({ ...one, kind: "facet", vendorId: card.goods.vendorId, part: facet.number });
  return house;
}

/** What changes of cards add to the counters, one sum a counter that changes, in the order of the keys. */
export function countChanges(changes: Iterable<readonly [before: Card | undefined, after: Card]>): Count[] {
  const sums = new Map<string, Count>();
  const add = (count: Count, sign: 1n | -1n) => {
    const key = textOf(count);
    const sum = sums.get(key);
    sums.set(key, {
      ...count,
      count: (sum?.count ?? 0n) + sign * count.count,
      amount: (sum?.amount ?? 0n) + sign * count.amount,
    });
  };
  for (const [before, after] of changes) {
    if (before) for (const count of countsOf(before)) add(count, -1n);
    for (const count of countsOf(after)) add(count, 1n);
  }
  return [...sums]
    .filter(([, { count, amount }]) => count !== 0n || amount !== 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, sum]) => sum);
}

/** The month of an instant, UTC: 202611. */
export function monthOf(instant: Instant): bigint {
  const date = new Date(Number(instant / 1_000n));
  return BigInt(date.getUTCFullYear() * 100 + date.getUTCMonth() + 1);
}

/** Sorts as every transaction locks them. */
function textOf({ kind, vendorId, currency, part }: CounterKey): string {
  return `${kind} ${vendorId} ${currency} ${part}`;
}
