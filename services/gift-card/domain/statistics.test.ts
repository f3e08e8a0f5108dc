import test from "ava";
import type { Count } from "./counters.ts";
import { monthsUntil, statisticsOf } from "./statistics.ts";

const facet = (part: bigint, count: bigint, amount: bigint): Count => ({
  kind: "facet",
  vendorId: 0n,
  currency: "SAR",
  part,
  count,
  amount,
});
const month = (kind: "made" | "redeemed", part: bigint, count: bigint, amount: bigint): Count => ({
  ...facet(part, count, amount),
  kind,
});

test("twelve months end with the present one, over the turn of the year", (t) => {
  const months = monthsUntil(202_603n);
  t.is(months.length, 12);
  t.deepEqual(months.slice(0, 1), [202_504n]);
  t.deepEqual(months.slice(-4), [202_512n, 202_601n, 202_602n, 202_603n]);
  t.deepEqual(monthsUntil(202_612n)[0], 202_601n);
  t.deepEqual(monthsUntil(202_601n)[0], 202_502n);
});

test("what is counted adds up by status, type, month and year", (t) => {
  // Facets: 1 active wallet, 2 used wallet, 6 ordered, 7 ordered and cancelled to a wallet, 8 expired order.
  const counts = [
    facet(1n, 2n, 300n),
    facet(2n, 1n, 50n),
    facet(6n, 3n, 900n),
    facet(7n, 1n, 70n),
    facet(8n, 1n, 20n),
    month("made", 202_512n, 4n, 500n),
    month("made", 202_601n, 3n, 600n),
    month("made", 202_602n, 1n, 240n),
    month("redeemed", 202_602n, 5n, 1_020n),
  ];
  const found = statisticsOf(counts, 202_602n);
  t.like(found, {
    total: 8n,
    byStatus: { active: 2n, used: 5n, expired: 1n, cancelled: 0n },
    byType: { wallet: 3n, order: 5n },
    totalAmount: 1_340n,
    redeemedAmount: 1_020n,
    outstandingAmount: 300n,
    thisMonth: 1n,
    thisYear: 4n,
  });
  t.deepEqual(found.months.slice(-3), [
    { month: 202_512n, count: 4n, amount: 500n, redeemedAmount: 0n },
    { month: 202_601n, count: 3n, amount: 600n, redeemedAmount: 0n },
    { month: 202_602n, count: 1n, amount: 240n, redeemedAmount: 1_020n },
  ]);
});

test("of nothing there is nothing, in every month", (t) => {
  const found = statisticsOf([], 202_602n);
  t.like(found, { total: 0n, totalAmount: 0n, thisMonth: 0n, thisYear: 0n });
  t.true(found.months.every(({ count, amount, redeemedAmount }) => count + amount + redeemedAmount === 0n));
});
