import type { CardStatus, GiftType } from "./card.ts";
import type { Count } from "./counters.ts";
import { facets } from "./facets.ts";

/** How many months are told of. */
const monthsTold = 12;

/** What happened in one month; amounts are minor units. */
export interface MonthStatistics {
  /** 202611. */
  readonly month: bigint;
  /** Cards made in it. */
  readonly count: bigint;
  /** What those were worth. */
  readonly amount: bigint;
  /** What was redeemed in it. */
  readonly redeemedAmount: bigint;
}

/** What there is of one currency; amounts are minor units. */
export interface Statistics {
  readonly total: bigint;
  readonly byStatus: Readonly<Record<CardStatus, bigint>>;
  readonly byType: Readonly<Record<GiftType, bigint>>;
  readonly totalAmount: bigint;
  readonly redeemedAmount: bigint;
  readonly outstandingAmount: bigint;
  readonly thisMonth: bigint;
  readonly thisYear: bigint;
  /** The last twelve, this one last. */
  readonly months: readonly MonthStatistics[];
}

/** The months that are told of where this is the present one, itself last. */
export function monthsUntil(present: bigint): bigint[] {
  const months: bigint[] = [];
  for (let month = present; months.length < monthsTold; month = monthBefore(month)) months.unshift(month);
  return months;
}

/** Adds up the counters of one currency, of whatever kind, in the present month. */
export function statisticsOf(counts: readonly Count[], present: bigint): Statistics {
  const inFacets = (matches: (facet: (typeof facets)[number]) => boolean) => {
    const numbers = new Set(facets.filter(matches).map(({ number }) => number));
    return sumOf(counts.filter(({ kind, part }) => kind === "facet" && numbers.has(part)));
  };
  const inMonths = (wanted: "made" | "redeemed", matches: (month: bigint) => boolean) =>
    sumOf(counts.filter(({ kind, part }) => kind === wanted && matches(part)));
  const status = (wanted: CardStatus) => inFacets((facet) => facet.status === wanted);
  const type = (wanted: GiftType) => inFacets((facet) => facet.giftType === wanted).count;
  const all = inFacets(() => true);
  return {
    total: all.count,
    byStatus: {
      active: status("active").count,
      used: status("used").count,
      expired: status("expired").count,
      cancelled: status("cancelled").count,
    },
    byType: { wallet: type("wallet"), order: type("order") },
    totalAmount: all.amount,
    redeemedAmount: status("used").amount,
    outstandingAmount: status("active").amount,
    thisMonth: inMonths("made", (month) => month === present).count,
    thisYear: inMonths("made", (month) => month / 100n === present / 100n).count,
    months: monthsUntil(present).map((month) => ({
      month,
      ...inMonths("made", (one) => one === month),
      redeemedAmount: inMonths("redeemed", (one) => one === month).amount,
    })),
  };
}

function monthBefore(month: bigint): bigint {
  return month % 100n === 1n ? month - 100n + 11n : month - 1n;
}

function sumOf(counts: readonly Count[]): Pick<Count, "count" | "amount"> {
  return counts.reduce((sum, { count, amount }) => ({ count: sum.count + count, amount: sum.amount + amount }), {
    count: 0n,
    amount: 0n,
  });
}
