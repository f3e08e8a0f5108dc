import type { KeptCode } from "../../platform/codes/kept-code.ts";
import type { FlowStep } from "../../platform/flow-step.ts";
import type { Instant } from "../../platform/time.ts";

/** What a card is good for. */
export type GiftType = "wallet" | "order";

/** What clients know to have become of a card. */
export type CardStatus = "active" | "used" | "expired" | "cancelled";

/** How a card was redeemed; pending where it was not. */
export type RedemptionMethod = "pending" | "wallet" | "order";

/** Where a card at rest stands. Nobody sees one that failed to be made, or was deleted. */
export type RestState = CardStatus | "failed" | "deleted";

/**
 * Where a card under way stands: another service has been asked for something, and whether it has done so is to be found
 * out by the id that this card gave it.
 */
export type FlowState = (typeof flowStates)[number];

export const flowStates = ["making", "redeeming", "ordering", "unordering", "changing", "returning"] as const;

export type CardState = RestState | FlowState;

/** What a card becomes once its value has gone back. */
export type ReturnTarget = "expired" | "cancelled" | "deleted";

/** An `order` card's: what will be ordered, at the price that was locked. */
export interface Goods {
  readonly vendorId: bigint;
  readonly productId: bigint;
  /** Undefined where it is the product's own price. */
  readonly offerId: bigint | undefined;
  /** Minor units, at most the card's amount. */
  readonly price: bigint;
}

/** For whom a card is. */
export interface Recipient {
  readonly name: string | undefined;
  /** In lower case. */
  readonly email: string | undefined;
  /** E.164. */
  readonly number: string | undefined;
}

/** A card's code as it is kept. */
export interface CardCode extends KeptCode {
  /** The code's last four characters. */
  readonly last4: string;
}

/** What a redemption put into a wallet. */
export interface CardTransaction {
  /** The ledger's number of the transfer. */
  readonly id: bigint;
  /** Minor units. */
  readonly amount: bigint;
  readonly at: Instant;
}

/** The order that was made of a card. */
export interface CardOrder {
  readonly id: bigint;
  readonly placedAt: Instant;
}

/** What is on a card, for people. */
export interface Looks {
  /** `#RRGGBB`. */
  readonly backgroundColor: string | undefined;
  readonly backgroundImageId: bigint | undefined;
  readonly message: string | undefined;
}

/** A gift card. Amounts are minor units of its currency. */
export interface Card extends Looks {
  readonly id: bigint;
  /** What asked for it, unique: asking again finds it. Undefined where nothing can ask again. */
  readonly requestId: string | undefined;
  /** The batch that it is of. */
  readonly batchId: bigint | undefined;
  readonly state: CardState;
  readonly giftType: GiftType;
  readonly currency: string;
  readonly amount: bigint;
  readonly goods: Goods | undefined;
  readonly sender: { readonly id: bigint; readonly name: string };
  /** Whose wallet has paid for it; undefined where the house's promotions have. */
  readonly payerId: bigint | undefined;
  readonly recipient: Recipient;
  /** What admins keep in mind about it. */
  readonly notes: string | undefined;
  readonly code: CardCode;
  /** From this instant on it cannot be redeemed. */
  readonly expiresAt: Instant | undefined;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly method: RedemptionMethod;
  /** Who redeems it, or has. */
  readonly redeemedBy: bigint | undefined;
  readonly redeemedAt: Instant | undefined;
  /** The request by which it is being redeemed or ended, or was last: it is answered again. Undefined where nobody asked. */
  readonly lastRequestId: string | undefined;
  readonly transaction: CardTransaction | undefined;
  readonly order: CardOrder | undefined;
  /** Counts the attempts to move its value: each has effects of its own. */
  readonly attempt: bigint;
  /** Counts the attempts to cancel its order, which all go by the id of the attempt that placed it. */
  readonly cancelAttempt: bigint;
  /** While its value goes back: what it becomes then. */
  readonly returningTo: ReturnTarget | undefined;
  /** While it is being changed: what it will be worth. */
  readonly newAmount: bigint | undefined;
  /** When somebody is to see to it: because it expires then, or because whoever drove it is gone; never, at rest. */
  readonly dueAt: Instant | undefined;
}

/** A step of a card from one state to another, or none. */
export type Step = FlowStep<Card>;

/** What clients know to have become of a card; undefined where it is not there for them. */
export function statusOf({ state }: Pick<Card, "state">): CardStatus | undefined {
  switch (state) {
    case "active":
    case "redeeming":
    case "ordering":
    case "changing":
    case "returning":
      return "active";
    case "used":
    case "unordering":
      return "used";
    case "expired":
    case "cancelled":
      return state;
    case "making":
    case "failed":
    case "deleted":
      return undefined;
    default:
      return state satisfies never;
  }
}

/** The same at an instant: it has expired as soon as its time has come, though its value is still on its way back. */
export function statusAt(card: Card, now: Instant): CardStatus | undefined {
  const isOver = card.state === "active" && isExpired(card, now);
  return isOver || (card.state === "returning" && card.returningTo === "expired") ? "expired" : statusOf(card);
}

/** Whether its time is over. */
export function isExpired({ expiresAt }: Pick<Card, "expiresAt">, now: Instant): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** What a card's effects elsewhere are called, for people: the `reference` of its transfers. */
export function referenceOf({ id }: Pick<Card, "id">): string {
  return `card-${id}`;
}

/** The effects that a card has elsewhere. */
export type EffectKind = "buy" | "redeem" | "order" | "change" | "return";

/** What an effect is known by; of those that may be tried again, the present attempt's. */
export function effectIdOf({ id, attempt }: Pick<Card, "id" | "attempt">, kind: EffectKind): string {
  return kind === "buy" || kind === "return" ? `card-${id}-${kind}` : `card-${id}-${kind}-${attempt}`;
}
