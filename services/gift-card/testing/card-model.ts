/** One thing that somebody asks of one of a few cards. */
export type Ask =
  | { readonly kind: "redeem" | "order" | "unorder" | "delete"; readonly card: number }
  | { readonly kind: "end"; readonly card: number; readonly status: Ending }
  | { readonly kind: "end all"; readonly status: Ending }
  | { readonly kind: "change"; readonly card: number; readonly amount: number };

type Ending = "expired" | "cancelled";

/** A card of the model. */
export interface ModelCard {
  readonly type: "wallet" | "order";
  /** Minor units. */
  amount: number;
  state: "active" | "redeemed" | "ordered" | "unordered" | Ending | "deleted";
  /** Whether there is an order that was made of it: that stays, though the card is deleted. */
  isInOrder: boolean;
}

/** What `order` cards are good for, in minor units. */
export const price = 8_000;

const notRedeemable = "GIFT_CARD_NOT_REDEEMABLE";
const final = "GIFT_CARD_FINAL";
const notFound = "GIFT_CARD_NOT_FOUND";

/**
 * Cards in a few lines, one thing after the other: what each ask comes to. The answer is a word, or the reason of a
 * refusal. All cards are of one member's making, and theirs to redeem.
 */
export class CardModel {
  readonly cards: readonly ModelCard[];

  constructor(cards: readonly Pick<ModelCard, "type" | "amount">[]) {
    this.cards = cards.map((card) => ({ ...card, state: "active", isInOrder: false }));
  }

  /** What is owed on the cards, in minor units. */
  get liability(): number {
    return this.cards.reduce((sum, { state, amount }) => sum + (state === "active" ? amount : 0), 0);
  }

  /** What the cards have cost their member, in minor units: what is in them still, or in orders. */
  get cost(): number {
    return this.liability + this.cards.filter(({ isInOrder }) => isInOrder).length * price;
  }

  answer(ask: Ask): string {
    if (ask.kind === "end all") return `ended ${this.cards.filter((card) => end(card, ask.status)).length}`;
    const card = this.cards[ask.card];
    if (!card || card.state === "deleted") return notFound;
    switch (ask.kind) {
      case "redeem":
        return redeem(card, "wallet", "redeemed");
      case "order":
        return redeem(card, "order", "ordered");
      case "unorder":
        if (card.state !== "ordered") return notRedeemable;
        card.state = "unordered";
        card.isInOrder = false;
        return "unordered";
      case "delete":
        card.state = "deleted";
        return "deleted";
      case "end":
        return card.state === ask.status || end(card, ask.status) ? ask.status : final;
      case "change":
        if (card.state !== "active" && card.amount !== ask.amount) return final;
        card.amount = ask.amount;
        return "changed";
      default:
        return ask satisfies never;
    }
  }
}

function redeem(card: ModelCard, as: ModelCard["type"], state: "redeemed" | "ordered"): string {
  if (card.state !== "active" || card.type !== as) return notRedeemable;
  card.state = state;
  card.isInOrder = state === "ordered";
  return state;
}

function end(card: ModelCard, status: Ending): boolean {
  if (card.state !== "active") return false;
  card.state = status;
  return true;
}
