import { NotFound, Unavailable } from "../../platform/refusal.ts";
import type { Instant } from "../../platform/time.ts";
import { type Card, type CardStatus, isExpired, type ReturnTarget, type Step, statusAt, statusOf } from "./card.ts";
import { GiftCardFinal } from "./errors.ts";
import { asItIs, taken } from "./steps.ts";

/** What a card is good for, as somebody takes it to be; what they do not say is undefined. */
export interface Purpose {
  readonly giftType: Card["giftType"] | undefined;
  readonly currency: string | undefined;
  readonly vendorId: bigint | undefined;
  readonly productId: bigint | undefined;
  readonly offerId: bigint | undefined;
}

/** What is to be written on a card; what stays as it is is not there. */
export interface Amendment {
  readonly purpose: Purpose;
  readonly looks: Partial<Pick<Card, "backgroundColor" | "backgroundImageId" | "message" | "notes" | "sender">>;
  readonly recipient: Partial<Card["recipient"]>;
  readonly expiresAt: Instant | undefined;
}

/**
 * Writes something else on a card. Throws NotFound where there is none, GiftCardFinal where what it is good for would
 * change, or who gives one that a user has paid for, or the time of one that is not active, and Unavailable where the time
 * would of one whose worth is just being changed.
 */
export function amend(card: Card, { purpose, looks, recipient, expiresAt }: Amendment, now: Instant): Step {
  if (statusOf(card) === undefined) throw new NotFound("Gift card");
  if (!isPurpose(card, purpose)) throw new GiftCardFinal("What a gift card is good for cannot be changed");
  // Its sender sees its code, and redeems one that is for nobody else: that is theirs who paid.
  if (!mayGive(card, looks.sender))
    throw new GiftCardFinal("Who gives a card that a user has paid for cannot be changed");
  const isProlonged = expiresAt !== undefined && expiresAt !== card.expiresAt;
  if (isProlonged) checkHasTime(card, now);
  const changes = { ...looks, recipient: { ...card.recipient, ...recipient } };
  const amended = { ...card, ...changes, ...(isProlonged && { expiresAt, dueAt: expiresAt }) };
  if (isSame(card, amended)) return asItIs(card);
  return taken(amended, now);
}

/**
 * What a card is to end as so that it has a status; undefined where it has it already. Throws GiftCardFinal where it cannot
 * have it.
 */
export function endingFor(card: Card, wanted: CardStatus | undefined, now: Instant): ReturnTarget | undefined {
  if (wanted === undefined || wanted === statusAt(card, now)) return undefined;
  if (statusOf(card) !== "active" || (wanted !== "expired" && wanted !== "cancelled")) throw new GiftCardFinal();
  return wanted;
}

function checkHasTime(card: Card, now: Instant): void {
  if (isExpired(card, now)) throw new GiftCardFinal();
  if (card.state === "changing") throw new Unavailable();
  if (card.state !== "active") throw new GiftCardFinal();
}

function mayGive({ sender, payerId }: Card, wanted: Card["sender"] | undefined): boolean {
  if (wanted === undefined || wanted.id === sender.id) return true;
  return payerId === undefined || payerId === wanted.id;
}

/** Of a card for no goods, goods mean nothing: neither where it is made. */
function isPurpose({ giftType, currency, goods }: Card, purpose: Purpose): boolean {
  const present = {
    giftType,
    currency,
    ...(goods && { vendorId: goods.vendorId, productId: goods.productId, offerId: goods.offerId }),
  } satisfies Partial<Purpose>;
  return (Object.keys(present) as (keyof Purpose)[]).every(
    (key) => purpose[key] === undefined || purpose[key] === present[key],
  );
}

function isSame(card: Card, amended: Card): boolean {
  const { sender, recipient } = card;
  return (
    card.backgroundColor === amended.backgroundColor &&
    card.backgroundImageId === amended.backgroundImageId &&
    card.message === amended.message &&
    card.notes === amended.notes &&
    card.expiresAt === amended.expiresAt &&
    sender.id === amended.sender.id &&
    sender.name === amended.sender.name &&
    recipient.name === amended.recipient.name &&
    recipient.email === amended.recipient.email &&
    recipient.number === amended.recipient.number
  );
}
