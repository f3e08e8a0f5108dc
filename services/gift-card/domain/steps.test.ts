import test from "ava";
import { Refusal } from "../../platform/refusal.ts";
import { cardStates, cardWith, orderCardWith } from "../testing/cards.ts";
import type { Card, CardState, ReturnTarget, Step } from "./card.ts";
import {
  changed,
  isEndedBy,
  isStillRequested,
  made,
  ordered,
  pauseOfReturning,
  redeemed,
  returned,
  startChanging,
  startExpiring,
  startRedeeming,
  startReturning,
  startUnordering,
  stepBackFromChanging,
  stepBackFromRedeeming,
  stepBackFromUnordering,
  unmade,
  unordered,
} from "./steps.ts";

const now = 2_000_000_000_000_000n;
const transaction = { id: 5n, amount: 10_000n, at: now };
const order = { id: 9n, placedAt: now };
const holder = { userId: 2n, requestId: undefined };

/** A card as it is in a state, on the way that leads there. */
function cardIn(state: CardState): Card {
  const redeemer = { redeemedBy: 2n, lastRequestId: undefined, attempt: 4n };
  switch (state) {
    case "making":
    case "failed":
      return cardWith({ state });
    case "active":
    case "expired":
    case "cancelled":
    case "deleted":
      return cardWith({ state, expiresAt: now + 1n });
    case "redeeming":
      return cardWith({ state, ...redeemer });
    case "used":
      return cardWith({ state, ...redeemer, method: "wallet", transaction, redeemedAt: 5n });
    case "ordering":
      return orderCardWith({ state, ...redeemer });
    case "unordering":
      return orderCardWith({ state, ...redeemer, method: "order", order, redeemedAt: 5n });
    case "changing":
      return cardWith({ state, attempt: 4n, newAmount: 20_000n });
    case "returning":
      return cardWith({ state, returningTo: "cancelled" });
    default:
      return state satisfies never;
  }
}

const ending = (target: ReturnTarget, requestId?: string) => ({ target, requestId });

/** Every step, as whoever drives a card of each state may come to ask for it. */
const steps: Readonly<Record<string, (card: Card) => Step>> = {
  made: (card) => made(card, now),
  unmade: (card) => unmade(card, now),
  "startRedeeming to a wallet": (card) => startRedeeming(card, "wallet", holder, now),
  "startRedeeming as an order": (card) => startRedeeming({ ...card, giftType: "order" }, "order", holder, now),
  redeemed: (card) => redeemed(card, card.attempt, transaction, now),
  "redeemed, of an attempt before": (card) => redeemed(card, card.attempt - 1n, transaction, now),
  ordered: (card) => ordered(card, card.attempt, order, now),
  "ordered, of an attempt before": (card) => ordered(card, card.attempt - 1n, order, now),
  stepBackFromRedeeming: (card) => stepBackFromRedeeming(card, card.attempt, now),
  "stepBackFromRedeeming, of an attempt before": (card) => stepBackFromRedeeming(card, card.attempt - 1n, now),
  startUnordering: (card) => startUnordering(card, holder, now),
  unordered: (card) => unordered(card, transaction, now),
  stepBackFromUnordering: (card) => stepBackFromUnordering(card, card.cancelAttempt, now),
  "stepBackFromUnordering, of an attempt before": (card) => stepBackFromUnordering(card, card.cancelAttempt - 1n, now),
  "startReturning to be cancelled": (card) => startReturning(card, ending("cancelled"), now),
  "startReturning to be expired": (card) => startReturning(card, ending("expired"), now),
  "startReturning to be deleted": (card) => startReturning(card, ending("deleted"), now),
  startExpiring: (card) => startExpiring(card, now),
  "startExpiring once its time is over": (card) => startExpiring(card, now + 1n),
  returned: (card) => returned(card, now),
  startChanging: (card) => startChanging(card, 20_000n, now),
  "startChanging, to what it is worth": (card) => startChanging(card, 10_000n, now),
  changed: (card) => changed(card, card.attempt, now),
  "changed, of an attempt before": (card) => changed(card, card.attempt - 1n, now),
  stepBackFromChanging: (card) => stepBackFromChanging(card, card.attempt, now),
};

const final = "GIFT_CARD_FINAL";
const notThere = { making: "GIFT_CARD_NOT_FOUND", failed: "GIFT_CARD_NOT_FOUND", deleted: "GIFT_CARD_NOT_FOUND" };
const inUse = { redeeming: final, ordering: final, unordering: final };
const changing = { changing: "UNAVAILABLE" };
const atEnd = { used: final, expired: final, cancelled: final, returning: final };
const notRedeemable = (...but: CardState[]) => ({
  ...Object.fromEntries(
    cardStates.filter((state) => !but.includes(state)).map((state) => [state, "GIFT_CARD_NOT_REDEEMABLE"]),
  ),
  ...notThere,
});

/** Where each step leads from each state, or what refuses it; what is not named stays as it is. */
const arrows: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  made: { making: "active" },
  unmade: { making: "failed" },
  "startRedeeming to a wallet": { active: "redeeming", ...notRedeemable("active"), ...changing },
  "startRedeeming as an order": { active: "ordering", ...notRedeemable("active"), ...changing },
  redeemed: { redeeming: "used" },
  ordered: { ordering: "used" },
  stepBackFromRedeeming: { redeeming: "active", ordering: "active" },
  startUnordering: notRedeemable(),
  unordered: { unordering: "used" },
  stepBackFromUnordering: { unordering: "used" },
  "startReturning to be cancelled": {
    active: "returning",
    ...notThere,
    ...inUse,
    ...changing,
    used: final,
    expired: final,
  },
  "startReturning to be expired": {
    active: "returning",
    ...notThere,
    ...inUse,
    ...changing,
    used: final,
    cancelled: final,
    returning: final,
  },
  "startReturning to be deleted": {
    active: "returning",
    ...notThere,
    ...inUse,
    ...changing,
    used: "deleted",
    expired: "deleted",
    cancelled: "deleted",
    returning: final,
  },
  "startExpiring once its time is over": { active: "returning" },
  returned: { returning: "cancelled" },
  startChanging: { active: "changing", ...notThere, ...inUse, ...atEnd },
  "startChanging, to what it is worth": { ...notThere, ...changing },
  changed: { changing: "active" },
  stepBackFromChanging: { changing: "active" },
};

for (const [name, step] of Object.entries(steps)) {
  for (const state of cardStates) {
    const expected = arrows[name]?.[state];
    const end = expected ?? "as it is";
    test(`${name} of a card that is ${state}: ${end}`, (t) => {
      const card = cardIn(state);
      const outcome = outcomeOf(() => step(card));
      t.is(outcome instanceof Refusal ? outcome.reason : outcome.after.state, expected ?? state);
      if (outcome instanceof Refusal) return;
      t.is(outcome.kind, expected === undefined ? "as it is" : "taken");
      const isUnderWay = ["redeeming", "ordering", "unordering", "changing", "returning"].includes(outcome.after.state);
      if (outcome.kind === "taken")
        t.is(
          isUnderWay,
          outcome.after.dueAt !== undefined && outcome.after.dueAt > now + 1n && outcome.after.state !== "failed",
        );
    });
  }
}

test("a card that is being redeemed, or was, by the same request is answered as it is", (t) => {
  const by = { userId: 2n, requestId: "key" };
  const redeeming = startRedeeming(cardIn("active"), "wallet", by, now).after;
  const used = redeemed(redeeming, redeeming.attempt, transaction, now).after;
  for (const card of [redeeming, used])
    t.deepEqual(startRedeeming(card, "wallet", by, now), { kind: "as it is", after: card });
});

for (const [whose, by] of [
  ["another request", { userId: 2n, requestId: "other" }],
  ["another user's with the same key", { userId: 3n, requestId: "key" }],
  ["one without a key", { userId: 2n, requestId: undefined }],
] as const) {
  test(`a card that was redeemed by one request is refused to ${whose}`, (t) => {
    const redeeming = startRedeeming(cardIn("active"), "wallet", { userId: 2n, requestId: "key" }, now).after;
    t.throws(() => startRedeeming(redeeming, "wallet", by, now), { message: "Gift card cannot be redeemed" });
  });
}

test("a card of one type is not redeemed as the other", (t) => {
  const wallet = cardIn("active");
  t.throws(() => startRedeeming(wallet, "order", holder, now), { message: "Gift card cannot be redeemed" });
  const goods = orderCardWith({ state: "active" });
  t.throws(() => startRedeeming(goods, "wallet", holder, now), { message: "Gift card cannot be redeemed" });
});

test("a card can be redeemed up to the microsecond before it expires, and not at it", (t) => {
  const card = cardWith({ state: "active", expiresAt: now });
  t.is(startRedeeming(card, "wallet", holder, now - 1n).after.state, "redeeming");
  t.throws(() => startRedeeming(card, "wallet", holder, now), { message: "Gift card cannot be redeemed" });
  t.is(startExpiring(card, now - 1n).after.state, "active");
  t.is(startExpiring(card, now).after.returningTo, "expired");
});

test("a card that is being redeemed when its time is over is redeemed", (t) => {
  const card = cardWith({ state: "redeeming", expiresAt: now, attempt: 1n });
  t.is(startExpiring(card, now).after.state, "redeeming");
  t.is(redeemed(card, 1n, transaction, now).after.state, "used");
});

test("a card that is let go has nobody who redeems it, and expires when it should", (t) => {
  const redeeming = startRedeeming(cardIn("active"), "wallet", holder, now - 10n).after;
  const { after: card } = stepBackFromRedeeming(redeeming, redeeming.attempt, now);
  t.like(card, { redeemedBy: undefined, lastRequestId: undefined, dueAt: card.expiresAt });
});

test("an order that was made of a card is cancelled for who made it, once, and for nobody else", (t) => {
  const card = orderCardWith({ state: "used", method: "order", order, redeemedBy: 2n, redeemedAt: 5n, attempt: 1n });
  t.throws(() => startUnordering(card, { ...holder, userId: 3n }, now), { message: "Gift card cannot be redeemed" });
  const unordering = startUnordering(card, holder, now).after;
  t.is(unordering.state, "unordering");
  const done = unordered(unordering, transaction, now).after;
  t.like(done, { state: "used", method: "wallet", transaction, redeemedAt: 5n, order });
  t.throws(() => startUnordering(done, holder, now), { message: "Gift card cannot be redeemed" });
});

test("an order that is cancelled by one request is answered to it again", (t) => {
  const card = orderCardWith({ state: "used", method: "order", order, redeemedBy: 2n, attempt: 1n });
  const by = { userId: 2n, requestId: "key" };
  const unordering = startUnordering(card, by, now).after;
  t.is(startUnordering(unordering, by, now).kind, "as it is");
  t.is(startUnordering(unordered(unordering, transaction, now).after, by, now).kind, "as it is");
});

test("that an order could not be cancelled does not end a second cancelling of it", (t) => {
  const card = orderCardWith({ state: "used", method: "order", order, redeemedBy: 2n, attempt: 1n });
  const first = startUnordering(card, holder, now).after;
  const backAgain = stepBackFromUnordering(first, first.cancelAttempt, now).after;
  const second = startUnordering(backAgain, holder, now).after;
  t.deepEqual(stepBackFromUnordering(second, first.cancelAttempt, now), { kind: "as it is", after: second });
  t.is(second.attempt, card.attempt);
});

test("a card is known for a day by the request that has ended it, and by no other", (t) => {
  const day = 86_400_000_000n;
  for (const state of ["active", "used"] as const) {
    const begun = startReturning(cardIn(state), ending("deleted", "r"), now).after;
    const card = returned(begun, now).after;
    t.is(card.state, "deleted");
    t.deepEqual(startReturning(card, ending("deleted", "r"), now), { kind: "as it is", after: card });
    for (const other of [ending("cancelled", "r"), ending("deleted", "other"), ending("deleted")]) {
      t.throws(() => startReturning(card, other, now), { message: "Gift card not found" });
    }
    t.true(isEndedBy(card, "r", card.updatedAt + day - 1n));
    t.false(isEndedBy(card, "r", card.updatedAt + day));
    t.false(isEndedBy(card, undefined, now));
  }
});

test("a card that was never made forgets its request, so that asking again makes another", (t) => {
  t.is(unmade(cardIn("making"), now).after.requestId, undefined);
});

test("the request that made a card means it for a day, and a batch's for good", (t) => {
  const day = 86_400_000_000n;
  const card = cardWith({ createdAt: now });
  t.true(isStillRequested(card, now + day - 1n));
  t.false(isStillRequested(card, now + day));
  t.true(isStillRequested({ ...card, batchId: 3n }, now + 2n * day));
});

function outcomeOf(run: () => Step): Step | Refusal {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

test("value that cannot go back waits as long again as it has, for a second at least and a minute at most", (t) => {
  const second = 1_000_000n;
  const pauses = [0n, second / 2n, second, 7n * second, 60n * second, 86_400n * second].map((waited) =>
    pauseOfReturning({ updatedAt: now - waited }, now),
  );
  t.deepEqual(pauses, [second, second, second, 7n * second, 60n * second, 60n * second]);
});
