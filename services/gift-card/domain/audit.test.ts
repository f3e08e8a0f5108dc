import test from "ava";
import { counterDifferences, liabilityDifferences, owedOn } from "./audit.ts";
import type { Count } from "./counters.ts";

const active: Count = { kind: "facet", vendorId: 0n, currency: "SAR", part: 1n, count: 2n, amount: 300n };
const ledger = (minorUnits: bigint) => new Map([["SAR", minorUnits]]);

test("counters that say what the cards come to do not differ, nor do those that are back at nothing", (t) => {
  t.deepEqual(counterDifferences([active], [active]), []);
  t.deepEqual(counterDifferences([], [{ ...active, count: 0n, amount: 0n }]), []);
});

test("what differs is told by what it counts", (t) => {
  const made: Count = { ...active, kind: "made", part: 202_611n };
  const redeemed: Count = { ...made, kind: "redeemed" };
  const vendors: Count = { ...active, vendorId: 3n, part: 5n };
  t.deepEqual(counterDifferences([active, made], [{ ...active, count: 3n }, redeemed, vendors]), [
    { check: "count", subject: "SAR made 2026-11", expected: "2", actual: "0" },
    { check: "amount", subject: "SAR made 2026-11", expected: "300", actual: "0" },
    { check: "redeemed", subject: "SAR redeemed 2026-11", expected: "0", actual: "2" },
    { check: "redeemed", subject: "SAR redeemed 2026-11", expected: "0", actual: "300" },
    { check: "count", subject: "SAR vendor 3 order active pending", expected: "0", actual: "2" },
    { check: "amount", subject: "SAR vendor 3 order active pending", expected: "0", actual: "300" },
    { check: "count", subject: "SAR wallet active pending", expected: "2", actual: "3" },
  ]);
});

test("at rest what is owed is exactly what active cards are worth", (t) => {
  const owed = owedOn([active, { ...active, part: 2n }, { ...active, vendorId: 3n }], []);
  t.deepEqual(liabilityDifferences(owed, ledger(300n)), []);
  for (const actual of [299n, 301n]) {
    t.deepEqual(liabilityDifferences(owed, ledger(actual)), [
      { check: "liability", subject: "SAR", expected: "300", actual: String(actual) },
    ]);
  }
});

for (const [state, newAmount, least, most] of [
  ["making", undefined, 300n, 400n],
  ["redeeming", undefined, 200n, 300n],
  ["ordering", undefined, 200n, 300n],
  ["returning", undefined, 200n, 300n],
  ["changing", 150n, 300n, 350n],
  ["changing", 20n, 220n, 300n],
  ["unordering", undefined, 300n, 300n],
] as const) {
  test(`while a card is ${state}${newAmount ? ` to ${newAmount}` : ""} its value may be on either side`, (t) => {
    const owed = owedOn([active], [{ state, currency: "SAR", amount: 100n, newAmount }]);
    for (const actual of [least, most]) t.deepEqual(liabilityDifferences(owed, ledger(actual)), []);
    for (const actual of [least - 1n, most + 1n]) t.is(liabilityDifferences(owed, ledger(actual)).length, 1);
  });
}

test("money that is owed on no card differs, and cards that no money is there for", (t) => {
  t.is(liabilityDifferences(new Map(), ledger(1n)).length, 1);
  t.is(liabilityDifferences(owedOn([active], []), new Map()).length, 1);
});
