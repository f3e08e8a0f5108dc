import { NotFound } from "../../platform/refusal.ts";
import { type Card, statusOf } from "./card.ts";
import { GiftCardNotYours } from "./errors.ts";

/** Who asks for a card. */
export interface Asker {
  readonly userId: bigint;
  /** Verified addresses, in lower case; none unless verified. */
  readonly emails: readonly string[];
  /** Verified numbers, E.164. */
  readonly numbers: readonly string[];
  /** Every HMAC that the code they gave may be kept under; none where they gave none. */
  readonly searchKeys: readonly Uint8Array[];
}

/** What somebody is to a card. Who is several is the first of these. */
export type Relation = "bearer" | "holder" | "maker" | "stranger";

/** What somebody is to a card. */
export function relationOf(card: Card, asker: Asker): Relation {
  if (givesCode(card, asker)) return "bearer";
  if (isHolder(card, asker)) return "holder";
  return card.sender.id === asker.userId ? "maker" : "stranger";
}

/** Whether somebody holds a card: its recipient by verified contact or, where it names none, its maker. */
function isHolder({ recipient, sender }: Card, { userId, emails, numbers }: Asker): boolean {
  const { email, number } = recipient;
  if (email === undefined && number === undefined) return sender.id === userId;
  return (email !== undefined && emails.includes(email)) || (number !== undefined && numbers.includes(number));
}

/** Whether a card is in somebody's lists: of those that they have made, or hold. */
export function isOneOfTheirs(card: Card, asker: Asker): boolean {
  return card.sender.id === asker.userId || isHolder(card, asker);
}

/** Whether somebody may see a card's code: whoever made it, holds it, or has it. */
export function maySeeCode(card: Card, asker: Asker): boolean {
  return relationOf(card, asker) !== "stranger";
}

/** Whether a card's value is somebody's to redeem. */
export function mayRedeem(card: Card, asker: Asker): boolean {
  const relation = relationOf(card, asker);
  return relation === "bearer" || relation === "holder";
}

/** Throws NotFound where a card is none of somebody's business, and GiftCardNotYours where they made it for another. */
export function checkMayRedeem(card: Card, asker: Asker): void {
  if (statusOf(card) === undefined) throw new NotFound("Gift card");
  const relation = relationOf(card, asker);
  switch (relation) {
    case "bearer":
    case "holder":
      return;
    case "maker":
      throw new GiftCardNotYours();
    case "stranger":
      throw new NotFound("Gift card");
    default:
      relation satisfies never;
  }
}

/** The same for an order that was made of a card: whoever made it may, though they have no code any more. */
export function checkMayUnorder(card: Card, asker: Asker): void {
  if (card.redeemedBy !== asker.userId) checkMayRedeem(card, asker);
}

function givesCode({ code }: Card, { searchKeys }: Asker): boolean {
  return searchKeys.some((key) => Buffer.from(key).equals(code.searchKey));
}
