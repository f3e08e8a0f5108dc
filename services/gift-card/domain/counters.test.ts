import test from "ava";
import { cardStates, cardWith, orderCardWith } from "../testing/cards.ts";
import type { Card } from "./card.ts";
import { countChanges, countsOf, monthOf } from "./counters.ts";
import { facetOf, facets, facetsMatching } from "./facets.ts";

const november = 1_795_000_000_000_000n;
const december = november + 30n * 86_400_000_000n;

function lines(counts: ReturnType<typeof countsOf>): string[] {
  return counts.map(({ kind, vendorId, part, count, amount }) => `${kind} ${vendorId} ${part}: ${count}, ${amount}`);
}

test("months are those of UTC", (t) => {
  t.is(monthOf(november), 202611n);
  t.is(monthOf(december), 202612n);
  t.is(monthOf(1_767_225_599_999_999n), 202512n);
  t.is(monthOf(1_767_225_600_000_000n), 202601n);
});

test("a card is counted by what it is, and by the month it was made in", (t) => {
  t.deepEqual(lines(countsOf(cardWith({ state: "active", createdAt: november }))), [
    "facet 0 1: 1, 10000",
    "made 0 202611: 1, 10000",
  ]);
});

test("a redeemed card is counted by the month of that, too, and a vendor's for its vendor", (t) => {
  const card = orderCardWith({ state: "used", method: "order", createdAt: november, redeemedAt: december });
  t.deepEqual(lines(countsOf(card)), [
    "facet 0 6: 1, 10000",
    "made 0 202611: 1, 10000",
    "redeemed 0 202612: 1, 10000",
    "facet 3 6: 1, 10000",
  ]);
});

for (const state of ["making", "failed", "deleted"] as const) {
  test(`a card that is ${state} is not counted`, (t) => {
    t.deepEqual(countsOf(cardWith({ state })), []);
  });
}

test("of many changes one sum a counter is left, and nothing of those that even out", (t) => {
  const active = cardWith({ state: "active", createdAt: november });
  const used: Card = { ...active, state: "used", method: "wallet", redeemedAt: december };
  const redeeming: Card = { ...active, state: "redeeming" };
  t.deepEqual(
    lines(
      countChanges([
        [undefined, active],
        [active, used],
        [active, used],
        [active, redeeming],
      ]),
    ),
    ["facet 0 1: -1, -10000", "facet 0 2: 2, 20000", "made 0 202611: 1, 10000", "redeemed 0 202612: 2, 20000"],
  );
  t.deepEqual(countChanges([[active, redeeming]]), []);
});

test("every card that clients see is in one facet, and no other is in any", (t) => {
  for (const state of cardStates) {
    const isSeen = !["making", "failed", "deleted"].includes(state);
    const method = state === "used" || state === "unordering" ? "order" : "pending";
    t.is(facetOf(orderCardWith({ state, method })) !== undefined, isSeen, state);
  }
});

test("a filter lets through the facets that are all it says", (t) => {
  t.is(facetsMatching({}).length, facets.length);
  t.deepEqual(
    facetsMatching({ giftType: "order", status: "used" }).map(({ number }) => number),
    [6n, 7n],
  );
  t.deepEqual(facetsMatching({ status: "active", method: "wallet" }), []);
});
