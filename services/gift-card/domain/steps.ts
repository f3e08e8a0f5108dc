import { NotFound, Unavailable } from "../../platform/refusal.ts";
import { type Instant, isRequestKnown } from "../../platform/time.ts";
import type { Card, CardOrder, CardState, CardTransaction, GiftType, ReturnTarget, Step } from "./card.ts";
import { isExpired, statusOf } from "./card.ts";
import { GiftCardFinal, GiftCardNotRedeemable } from "./errors.ts";

/** After how long somebody else sees to a card under way, in microseconds: whoever drove it has most likely died. */
const patience = 1_000_000n;

/** The same while a card is made: who sees to it then does not go on with it, but has it never paid. */
const makingPatience = 5_000_000n;

/** How long value that cannot go back waits at most, in microseconds. */
export const longestPause = 60_000_000n;

/** How long a card that was never made is kept, in microseconds: a day. */
const failedKeptFor = 86_400_000_000n;

/** What a card is begun with. */
export type Beginning = Pick<
  Card,
  | "id"
  | "requestId"
  | "batchId"
  | "giftType"
  | "currency"
  | "amount"
  | "goods"
  | "sender"
  | "payerId"
  | "recipient"
  | "backgroundColor"
  | "backgroundImageId"
  | "message"
  | "notes"
  | "code"
  | "expiresAt"
>;

/** Who redeems, by which request. */
export interface Redeeming {
  readonly userId: bigint;
  /** Undefined where the request gave no key, and cannot be told from others. */
  readonly requestId: string | undefined;
}

/** What a card is to become, by which request. */
export interface Ending {
  readonly target: ReturnTarget;
  /** Undefined where nobody asks for it. */
  readonly requestId: string | undefined;
}

/** A card that nobody sees yet. */
export function begin(wanted: Beginning, now: Instant): Card {
  return {
    ...wanted,
    state: "making",
    createdAt: now,
    updatedAt: now,
    method: "pending",
    redeemedBy: undefined,
    redeemedAt: undefined,
    lastRequestId: undefined,
    transaction: undefined,
    order: undefined,
    attempt: 0n,
    cancelAttempt: 0n,
    returningTo: undefined,
    newAmount: undefined,
    dueAt: now + makingPatience,
  };
}

/** It is paid: it can be redeemed. */
export function made(card: Card, now: Instant): Step {
  return card.state === "making" ? active(card, now) : asItIs(card);
}

/** It was not paid, and never will be. Who asks again with the same key may have another made. */
export function unmade(card: Card, now: Instant): Step {
  if (card.state !== "making") return asItIs(card);
  return taken({ ...card, state: "failed", requestId: undefined, dueAt: now + failedKeptFor }, now);
}

/** Whether the request that made it, should it come again, means this card: for as long as its answer is kept. */
export function isStillRequested({ batchId, createdAt }: Pick<Card, "batchId" | "createdAt">, now: Instant): boolean {
  return batchId !== undefined || isRequestKnown(createdAt, now);
}

/** The request that made it makes others from now on. */
export function forgetRequest(card: Card): Card {
  return { ...card, requestId: undefined };
}

/**
 * Throws GiftCardNotRedeemable where its value cannot go to a wallet, or to an order, any more, and Unavailable where that is
 * just being changed. One that is being redeemed by the same request, or was, is answered as it is. Throws NotFound where
 * there is none.
 */
export function startRedeeming(card: Card, as: GiftType, by: Redeeming, now: Instant): Step {
  checkIsThere(card);
  const state = as === "wallet" ? "redeeming" : "ordering";
  if ((card.state === state || (card.state === "used" && card.method === as)) && isBy(card, by)) return asItIs(card);
  if (card.giftType !== as || isExpired(card, now)) throw new GiftCardNotRedeemable();
  if (card.state === "changing") throw new Unavailable();
  if (card.state !== "active") throw new GiftCardNotRedeemable();
  const { userId: redeemedBy, requestId: lastRequestId } = by;
  return underWay({ ...card, redeemedBy, lastRequestId, attempt: card.attempt + 1n }, state, now);
}

/** Whether it is this request by which it is being redeemed, or was last. */
export function isBy(
  { redeemedBy, lastRequestId }: Pick<Card, "redeemedBy" | "lastRequestId">,
  { userId, requestId }: Redeeming,
): boolean {
  return requestId !== undefined && redeemedBy === userId && lastRequestId === requestId;
}

/** The attempt's value is in the wallet. */
export function redeemed(card: Card, attempt: bigint, transaction: CardTransaction, now: Instant): Step {
  if (card.state !== "redeeming" || card.attempt !== attempt) return asItIs(card);
  return atRest({ ...card, method: "wallet", transaction, redeemedAt: now }, "used", now);
}

/** The attempt's order is placed. */
export function ordered(card: Card, attempt: bigint, order: CardOrder, now: Instant): Step {
  if (card.state !== "ordering" || card.attempt !== attempt) return asItIs(card);
  return atRest({ ...card, method: "order", order, redeemedAt: now }, "used", now);
}

/** The attempt's value was not moved, and never will be: it is as if nobody had redeemed it. */
export function stepBackFromRedeeming(card: Card, attempt: bigint, now: Instant): Step {
  if ((card.state !== "redeeming" && card.state !== "ordering") || card.attempt !== attempt) return asItIs(card);
  return active({ ...card, redeemedBy: undefined, lastRequestId: undefined }, now);
}

/**
 * The order that somebody made of it is to be cancelled. Throws GiftCardNotRedeemable where there is none of theirs, or it
 * has been cancelled so before; by the same request, it is answered as it is. Throws NotFound where there is no card.
 */
export function startUnordering(card: Card, by: Redeeming, now: Instant): Step {
  checkIsThere(card);
  const isUnordered = card.state === "used" && card.method === "wallet" && card.order !== undefined;
  if ((card.state === "unordering" || isUnordered) && isBy(card, by)) return asItIs(card);
  const isTheirs = card.redeemedBy === by.userId;
  if (card.state !== "used" || card.method !== "order" || !isTheirs) throw new GiftCardNotRedeemable();
  const cancelAttempt = card.cancelAttempt + 1n;
  return underWay({ ...card, lastRequestId: by.requestId, cancelAttempt }, "unordering", now);
}

/** The order is cancelled, and its price is in the wallet. */
export function unordered(card: Card, transaction: CardTransaction, now: Instant): Step {
  if (card.state !== "unordering") return asItIs(card);
  return atRest({ ...card, method: "wallet", transaction }, "used", now);
}

/** The order could not be cancelled when this attempt asked for it. */
export function stepBackFromUnordering(card: Card, cancelAttempt: bigint, now: Instant): Step {
  if (card.state !== "unordering" || card.cancelAttempt !== cancelAttempt) return asItIs(card);
  return atRest(card, "used", now);
}

/**
 * Its value is to go back to whoever paid for it. One that is on its way to become the same, or is it already, is
 * answered as it is; a card that has no value any more is deleted at once. Throws Unavailable where its value is just being
 * changed, GiftCardFinal for any other, and NotFound where there is none; one that the same request has deleted is answered
 * as it is.
 */
export function startReturning(card: Card, { target, requestId: lastRequestId }: Ending, now: Instant): Step {
  switch (card.state) {
    case "active":
      return underWay({ ...card, lastRequestId, returningTo: target }, "returning", now);
    case "returning":
      if (card.returningTo === target) return asItIs(card);
      throw new GiftCardFinal();
    case "used":
    case "expired":
    case "cancelled":
      if (target === "deleted") return atRest({ ...card, lastRequestId }, "deleted", now);
      if (card.state === target) return asItIs(card);
      throw new GiftCardFinal();
    case "redeeming":
    case "ordering":
    case "unordering":
      throw new GiftCardFinal();
    case "changing":
      throw new Unavailable();
    case "deleted":
      if (target === "deleted" && isEndedBy(card, lastRequestId, now)) return asItIs(card);
      throw new NotFound("Gift card");
    case "making":
    case "failed":
      throw new NotFound("Gift card");
    default:
      return card.state satisfies never;
  }
}

/** Whether it is this request that has ended it: for as long as its answer is kept. */
export function isEndedBy(
  { lastRequestId, updatedAt }: Pick<Card, "lastRequestId" | "updatedAt">,
  requestId: string | undefined,
  now: Instant,
): boolean {
  return requestId !== undefined && lastRequestId === requestId && isRequestKnown(updatedAt, now);
}

/** Its time is over. */
export function startExpiring(card: Card, now: Instant): Step {
  if (card.state !== "active" || !isExpired(card, now)) return asItIs(card);
  return startReturning(card, { target: "expired", requestId: undefined }, now);
}

/** How long value that cannot go back waits before it is tried again: as long again as it has, a minute at most. */
export function pauseOfReturning({ updatedAt }: Pick<Card, "updatedAt">, now: Instant): bigint {
  const waited = now - updatedAt;
  if (waited < patience) return patience;
  return waited > longestPause ? longestPause : waited;
}

/** Its value has gone back. */
export function returned(card: Card, now: Instant): Step {
  if (card.state !== "returning" || card.returningTo === undefined) return asItIs(card);
  return atRest(card, card.returningTo, now);
}

/**
 * It is to be worth more, or less. One that is on its way to be worth just that is answered as it is. Throws Unavailable
 * where it is on its way to be worth something else, GiftCardFinal where it is not active, and NotFound where there is none.
 */
export function startChanging(card: Card, newAmount: bigint, now: Instant): Step {
  checkIsThere(card);
  const comingAmount = card.state === "changing" ? card.newAmount : card.amount;
  if (comingAmount === newAmount) return asItIs(card);
  if (card.state === "changing") throw new Unavailable();
  if (card.state !== "active" || isExpired(card, now)) throw new GiftCardFinal();
  return underWay({ ...card, newAmount, attempt: card.attempt + 1n }, "changing", now);
}

/** The attempt has moved the difference. */
export function changed(card: Card, attempt: bigint, now: Instant): Step {
  if (card.state !== "changing" || card.attempt !== attempt || card.newAmount === undefined) return asItIs(card);
  return active({ ...card, amount: card.newAmount, newAmount: undefined }, now);
}

/** The attempt has moved nothing, and never will. */
export function stepBackFromChanging(card: Card, attempt: bigint, now: Instant): Step {
  if (card.state !== "changing" || card.attempt !== attempt) return asItIs(card);
  return active({ ...card, newAmount: undefined }, now);
}

/** One step, and at once the next. */
export function followedBy({ kind, after }: Step, next: (card: Card) => Step, now: Instant): Step {
  const last = next(after);
  return kind === "taken" || last.kind === "taken" ? taken(last.after, now) : last;
}

/** Nothing happens to it. */
export function asItIs(card: Card): Step {
  return { kind: "as it is", after: card };
}

function checkIsThere(card: Card): void {
  if (statusOf(card) === undefined) throw new NotFound("Gift card");
}

function active(card: Card, now: Instant): Step {
  return taken({ ...card, state: "active", dueAt: card.expiresAt }, now);
}

function underWay(card: Card, state: CardState, now: Instant): Step {
  return taken({ ...card, state, dueAt: now + patience }, now);
}

function atRest(card: Card, state: CardState, now: Instant): Step {
  return taken({ ...card, state, returningTo: undefined, dueAt: undefined }, now);
}

/** Something happens to it: later than whatever has before, though the clock may not have moved since. */
export function taken(card: Card, now: Instant): Step {
  return { kind: "taken", after: { ...card, updatedAt: now > card.updatedAt ? now : card.updatedAt + 1n } };
}
