import type { Card, CardState } from "./card.ts";
import type { Count } from "./counters.ts";
import { facets } from "./facets.ts";

/** One thing that does not add up. */
export interface Difference {
  readonly check: "count" | "amount" | "redeemed" | "liability";
  readonly subject: string;
  /** What the cards say. */
  readonly expected: string;
  /** What the counter, or the ledger, says. */
  readonly actual: string;
}

/** What a card whose value is on its way adds to what is owed on cards. */
export type UnderWay = Pick<Card, "state" | "currency" | "amount" | "newAmount">;

/** What is owed on the cards of a currency: at least and at most, while some value is on its way. */
export interface Owed {
  readonly least: bigint;
  readonly most: bigint;
}

/** How the counters differ from what the cards come to, counter by counter. */
export function counterDifferences(cards: readonly Count[], counters: readonly Count[]): Difference[] {
  const [expected, actual] = [byKey(cards), byKey(counters)];
  return [...new Set([...expected.keys(), ...actual.keys()])].sort().flatMap((subject) => {
    const [should, is] = [expected.get(subject), actual.get(subject)];
    const kind = (should ?? is)?.kind;
    return [
      ...differing(kind === "redeemed" ? "redeemed" : "count", subject, should?.count ?? 0n, is?.count ?? 0n),
      ...differing(kind === "redeemed" ? "redeemed" : "amount", subject, should?.amount ?? 0n, is?.amount ?? 0n),
    ];
  });
}

/** What is owed on cards by currency: all that are active to clients, but those whose value may be gone or not be there yet. */
export function owedOn(counts: readonly Count[], underWay: readonly UnderWay[]): ReadonlyMap<string, Owed> {
  const owed = new Map<string, Owed>();
  const add = (currency: string, least: bigint, most: bigint) => {
    const sum = owed.get(currency) ?? { least: 0n, most: 0n };
    owed.set(currency, { least: sum.least + least, most: sum.most + most });
  };
  const active = new Set(facets.filter(({ status }) => status === "active").map(({ number }) => number));
  for (const { kind, vendorId, currency, part, amount } of counts) {
    if (kind === "facet" && vendorId === 0n && active.has(part)) add(currency, amount, amount);
  }
  for (const { state, currency, amount, newAmount = amount } of underWay) {
    const { least, most } = uncertainty(state, amount, newAmount);
    add(currency, least, most);
  }
  return owed;
}

/** How the ledger differs from what is owed on cards. */
export function liabilityDifferences(
  owed: ReadonlyMap<string, Owed>,
  ledger: ReadonlyMap<string, bigint>,
): Difference[] {
  return [...new Set([...owed.keys(), ...ledger.keys()])].sort().flatMap((currency) => {
    const { least, most } = owed.get(currency) ?? { least: 0n, most: 0n };
    const actual = ledger.get(currency) ?? 0n;
    if (actual >= least && actual <= most) return [];
    const expected = least === most ? String(least) : `${least} to ${most}`;
    return [{ check: "liability", subject: currency, expected, actual: String(actual) }];
  });
}

/** What is to be added to what the counters say, at least and at most. */
function uncertainty(state: CardState, amount: bigint, newAmount: bigint): Owed {
  switch (state) {
    case "making":
      return { least: 0n, most: amount };
    case "redeeming":
    case "ordering":
    case "returning":
      return { least: -amount, most: 0n };
    case "changing":
      return newAmount > amount ? { least: 0n, most: newAmount - amount } : { least: newAmount - amount, most: 0n };
    case "unordering":
    case "active":
    case "used":
    case "expired":
    case "cancelled":
    case "failed":
    case "deleted":
      return { least: 0n, most: 0n };
    default:
      return state satisfies never;
  }
}

function differing(check: Difference["check"], subject: string, expected: bigint, actual: bigint): Difference[] {
  return expected === actual ? [] : [{ check, subject, expected: String(expected), actual: String(actual) }];
}

/** Counters by what they count, in words; those that count nothing are as good as none. */
function byKey(counts: readonly Count[]): ReadonlyMap<string, Count> {
  return new Map(counts.map((count) => [subjectOf(count), count]));
}

function subjectOf({ kind, vendorId, currency, part }: Count): string {
  const vendor = vendorId === 0n ? "" : ` vendor ${vendorId}`;
  if (kind !== "facet") return `${currency}${vendor} ${kind} ${part / 100n}-${String(part % 100n).padStart(2, "0")}`;
  const facet = facets.find(({ number }) => number === part);
  const what = facet ? `${facet.giftType} ${facet.status} ${facet.method}` : `facet ${part}`;
  return `${currency}${vendor} ${what}`;
}
