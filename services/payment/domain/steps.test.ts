import test from "ava";
import { Refusal, Unavailable } from "../../platform/refusal.ts";
import type { Order, OrderState, Step } from "./order.ts";
import {
  abandon,
  begin,
  complete,
  isStillRequested,
  outOfStock,
  paid,
  placed,
  startCancelling,
  startExpiring,
  startPaying,
  stepBackFromPaying,
  stepBackFromRefunding,
  undone,
} from "./steps.ts";

const begun = begin(
  { id: 17n, requestId: "r", userId: 1n, payer: { method: "balance" }, couponId: undefined, expireAfterMs: 1_000 },
  0n,
);
const item = {
  productId: 7n,
  vendorId: 3n,
  name: "Roses",
  quantity: 1n,
  unitPrice: 500n,
  currency: "SAR",
  offerId: undefined,
  discount: 0n,
  completedAt: undefined,
};
const prices = { items: [item], currency: "SAR", discount: 0n, total: 500n };
const waiting = placed(begun, prices, 1n).after;
const attempting = startPaying(waiting, 2n).after;
const completed = paid(attempting, 1n, 0n, 3n).after;
const giftCard = { ...begun, payer: { method: "gift_card", giftCardId: 9n, cardAmount: 700n } } as const;

/** Every step, as whoever drives an order of each state may come to ask for it. */
const steps: Readonly<Record<string, (order: Order) => Step>> = {
  placed: (order) => placed(order, prices, 5n),
  abandon: (order) => abandon(order, 5n),
  startPaying: (order) => startPaying(order, 5n),
  paid: (order) => paid(order, order.attempt, 0n, 5n),
  "paid, of an attempt before": (order) => paid(order, order.attempt - 1n, 0n, 5n),
  stepBackFromPaying: (order) => stepBackFromPaying(order, order.attempt, 5n),
  "stepBackFromPaying, of an attempt before": (order) => stepBackFromPaying(order, order.attempt - 1n, 5n),
  outOfStock: (order) => outOfStock(order, order.attempt, 5n),
  startCancelling: (order) => startCancelling(order, 5n),
  stepBackFromRefunding: (order) => stepBackFromRefunding(order, order.attempt),
  startExpiring: (order) => startExpiring(order, 5_000_000n),
  undone: (order) => undone(order, 5n),
  complete: (order) => complete(order, 3n, 5n),
};

/** Where each step leads from each state; what is not named stays as it is or is refused. */
const arrows: Readonly<Record<string, Partial<Record<OrderState, OrderState>>>> = {
  placed: { placing: "awaiting_payment" },
  abandon: { placing: "abandoning" },
  startPaying: { awaiting_payment: "paying" },
  paid: { paying: "completed" },
  stepBackFromPaying: { paying: "awaiting_payment" },
  outOfStock: { paying: "expiring" },
  startCancelling: { awaiting_payment: "cancelling", pending: "refunding", completed: "refunding" },
  stepBackFromRefunding: { refunding: "completed" },
  startExpiring: { awaiting_payment: "expiring" },
  undone: { abandoning: "failed", cancelling: "cancelled", refunding: "cancelled", expiring: "expired" },
  complete: { pending: "completed", completed: "completed" },
};

const states: readonly OrderState[] = [
  "placing",
  "awaiting_payment",
  "paying",
  "abandoning",
  "cancelling",
  "expiring",
  "refunding",
  "pending",
  "completed",
  "cancelled",
  "expired",
  "failed",
];

for (const state of states) {
  test(`an order that is ${state} goes only where it may`, (t) => {
    const order: Order = { ...waiting, state, attempt: 1n };
    for (const [name, step] of Object.entries(steps)) {
      const expected = arrows[name]?.[state];
      t.is(whereTo(step, order), expected, name);
    }
  });
}

function whereTo(step: (order: Order) => Step, order: Order): OrderState | undefined {
  try {
    const { kind, after } = step(order);
    return kind === "taken" ? after.state : undefined;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

test("an order can be paid before it expires, and not at that instant", (t) => {
  t.is(startPaying(waiting, waiting.expiresAt - 1n).after.state, "paying");
  t.throws(() => startPaying(waiting, waiting.expiresAt), { message: "The order has expired" });
  t.is(startExpiring(waiting, waiting.expiresAt - 1n).kind, "as it is");
  t.is(startExpiring(waiting, waiting.expiresAt).after.state, "expiring");
});

test("each attempt to move money has a number of its own", (t) => {
  const again = startPaying(stepBackFromPaying(attempting, 1n, 3n).after, 4n).after;
  t.deepEqual([attempting.attempt, again.attempt], [1n, 2n]);
  t.is(startCancelling(completed, 5n).after.attempt, 2n);
});

test("an order that costs nothing, or that a gift card pays, is on its way to be paid as soon as it is placed", (t) => {
  t.is(placed(begun, { ...prices, discount: 500n, total: 0n }, 1n).after.state, "paying");
  const paying = placed(giftCard, prices, 1n).after;
  t.is(paying.state, "paying");
  t.is(stepBackFromPaying(paying, 1n, 2n).after.state, "abandoning");
  t.is(outOfStock(paying, 1n, 2n).after.state, "abandoning");
});

test("a gift card's order is pending until all its vendors have completed it", (t) => {
  const two = { ...prices, items: [item, { ...item, productId: 8n, vendorId: 4n }] };
  const pending = paid(placed(giftCard, two, 1n).after, 1n, 0n, 2n).after;
  t.is(pending.state, "pending");
  const half = complete(pending, 3n, 3n).after;
  t.deepEqual([half.state, half.items.map(({ completedAt }) => completedAt)], ["pending", [3n, undefined]]);
  t.is(complete(half, 4n, 4n).after.state, "completed");
  t.is(complete(half, 3n, 9n).kind, "as it is");
});

test("what a vendor has completed cannot be cancelled", (t) => {
  t.throws(() => startCancelling(complete(completed, 3n, 4n).after, 5n), { message: "The order cannot be cancelled" });
});

test("a vendor completes nothing of an order that is not theirs, or not paid", (t) => {
  t.throws(() => complete(completed, 4n, 5n), { message: "Order not found" });
  t.throws(() => complete(waiting, 3n, 5n), { message: "The order cannot be completed" });
});

test("a vendor of what is just being cancelled is told to come again: it may stay paid", (t) => {
  const refunding = startCancelling(completed, 5n).after;
  t.throws(() => complete(refunding, 3n, 6n), { instanceOf: Unavailable });
});

test("who asks again for an order that was refused may have another; a gift card's flow may not", (t) => {
  t.is(undone(abandon(begun, 1n).after, 2n).after.requestId, undefined);
  t.is(undone(abandon(giftCard, 1n).after, 2n).after.requestId, "r");
});

test("the request that began an order means it for a day, and a gift card's flow for good", (t) => {
  const day = 86_400_000_000n;
  t.true(isStillRequested(begun, day - 1n));
  t.false(isStillRequested(begun, day));
  t.true(isStillRequested(giftCard, 2n * day));
});
