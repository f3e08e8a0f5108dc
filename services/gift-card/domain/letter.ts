import { formatAmount } from "../../platform/money.ts";
import type { Instant } from "../../platform/time.ts";
import { type Card, statusOf } from "./card.ts";

/**
 * What somebody is told of a card: its recipient that it is theirs, with the code; its sender that it was redeemed, or what
 * else became of it.
 */
export type LetterKind = "given" | "redeemed" | "expired" | "cancelled";

/** A letter that is to be sent. What it says is found when it is: there is no code in it, and no address. */
export interface Letter {
  /** Unique, and of what happened: the same happening asks for the same letter. */
  readonly id: string;
  readonly cardId: bigint;
  readonly kind: LetterKind;
}

/** How a letter reaches somebody. */
export interface Address {
  readonly channel: "email" | "sms";
  readonly to: string;
}

/** What a letter says. */
export interface Text {
  /** Empty for an SMS. */
  readonly subject: string;
  readonly body: string;
}

/** The letter of a card that was made; none where it names nobody to tell. */
export function letterOfMade(card: Card): Letter | undefined {
  return addressOfRecipient(card) && { id: `card-${card.id}-given`, cardId: card.id, kind: "given" };
}

/** The letter of a card that was given another recipient. */
export function letterOfReaddressed(before: Card, after: Card): Letter | undefined {
  const [was, is] = [addressOfRecipient(before), addressOfRecipient(after)];
  if (!is || (was?.channel === is.channel && was.to === is.to)) return undefined;
  return { id: `card-${after.id}-given-${after.updatedAt}`, cardId: after.id, kind: "given" };
}

/**
 * The letter of a card that was redeemed; none where its sender has done so, or an order of it was cancelled, or it is one
 * of a batch: nobody wants ten thousand.
 */
export function letterOfRedeemed({ id, batchId, sender, redeemedBy, method, order }: Card): Letter | undefined {
  const isOfOrder = method === "wallet" && order !== undefined;
  if (redeemedBy === sender.id || isOfOrder || batchId !== undefined) return undefined;
  return { id: `card-${id}-redeemed`, cardId: id, kind: "redeemed" };
}

/** The letter of a card whose value has gone back; none where it was deleted, or is one of a batch. */
export function letterOfReturned({ id, batchId, state }: Card): Letter | undefined {
  if (batchId !== undefined || (state !== "expired" && state !== "cancelled")) return undefined;
  return { id: `card-${id}-${state}`, cardId: id, kind: state };
}

/** Where the code of a card is sent. */
export function addressOfRecipient({ recipient: { email, number } }: Pick<Card, "recipient">): Address | undefined {
  return addressOf(email, number);
}

/** By email, or by SMS where there is only a number. */
export function addressOf(email: string | undefined, number: string | undefined): Address | undefined {
  if (email !== undefined) return { channel: "email", to: email };
  return number === undefined ? undefined : { channel: "sms", to: number };
}

/** What the recipient is told; nothing where there is nothing to redeem any more. */
export function textForRecipient(card: Card, code: string, { channel }: Address): Text | undefined {
  if (statusOf(card) !== "active") return undefined;
  const { sender, recipient, message } = card;
  const gift = `${plain(sender.name)} has sent you a gift card of ${worth(card)}.`;
  const until = card.expiresAt === undefined ? "" : `Redeem it before ${date(card.expiresAt)}.`;
  if (channel === "sms") return { subject: "", body: [gift, `Its code: ${code}.`, until].filter(Boolean).join(" ") };
  const parts = [
    recipient.name === undefined ? "Hello," : `Dear ${plain(recipient.name)},`,
    gift,
    message === undefined || message === "" ? "" : `They say:\n\n${message}`,
    `Its code: ${code}`,
    until,
    "Whoever has the code can redeem the card, so keep it to yourself.",
  ];
  return { subject: `${plain(sender.name)} has sent you a gift card`, body: parts.filter(Boolean).join("\n\n") };
}

/** What the sender is told. */
export function textForSender(card: Card, kind: Exclude<LetterKind, "given">, { channel }: Address): Text {
  const { recipient, payerId, sender, code } = card;
  const name = recipient.name === undefined ? "" : ` for ${plain(recipient.name)}`;
  const what = `Your gift card${name} of ${worth(card)} (ending in ${code.last4})`;
  const back = payerId === sender.id && kind !== "redeemed" ? " Its value is back in your wallet." : "";
  const body = `${what} ${verbs[kind]}.${back}`;
  return { subject: channel === "sms" ? "" : `Your gift card ${verbs[kind]}`, body };
}

const verbs = { redeemed: "has been redeemed", expired: "has expired", cancelled: "has been cancelled" };

function worth({ amount, currency }: Card): string {
  return `${formatAmount(amount, currency)} ${currency}`;
}

/** What somebody has typed as a name, in one line. */
function plain(name: string): string {
  return name.replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
}

function date(instant: Instant): string {
  return `${new Date(Number(instant / 1_000n)).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
