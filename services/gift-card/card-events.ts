import {
  GiftCardCreatedSchema,
  GiftCardRedeemedSchema,
  GiftCardReturnedSchema,
} from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import type { Outbox } from "../platform/events/outbox.ts";
import { formatAmount } from "../platform/money.ts";
import type { Call } from "../platform/rpc/call.ts";
import { toTimestamp } from "../platform/time.ts";
import type { Card } from "./domain/card.ts";
import { giftTypeCodes, methodCodes, statusCodes } from "./rpc/codes.ts";

/** Tells somebody else of what happened to a card, in the transaction of that. */
export interface CardWitness {
  /** It was made. */
  created(card: Card): readonly Statement[];
  /** It was redeemed. */
  redeemed(card: Card): readonly Statement[];
  /** Its value has gone back. */
  returned(card: Card): readonly Statement[];
}

/** Tells the mesh what happened to cards, never with their codes; and the people concerned. */
export class CardEvents {
  private readonly outbox: Outbox;
  private readonly people: CardWitness;

  constructor(outbox: Outbox, people: CardWitness) {
    this.outbox = outbox;
    this.people = people;
  }

  created(card: Card, call: Call): Statement[] {
    const event = {
      giftCardId: card.id,
      giftType: giftTypeCodes[card.giftType],
      senderId: card.sender.id,
      ...worth(card),
      createdAt: toTimestamp(card.createdAt),
    };
    const told = this.outbox.adding("giftmesh.gift-card.created", GiftCardCreatedSchema, event, call);
    return [told, ...this.people.created(card)];
  }

  redeemed(card: Card, call: Call): Statement[] {
    const event = {
      giftCardId: card.id,
      redemptionMethod: methodCodes[card.method],
      senderId: card.sender.id,
      userId: card.redeemedBy ?? 0n,
      ...worth(card),
      redeemedAt: toTimestamp(card.updatedAt),
    };
    const told = this.outbox.adding("giftmesh.gift-card.redeemed", GiftCardRedeemedSchema, event, call);
    return [told, ...this.people.redeemed(card)];
  }

  returned(card: Card, call: Call): Statement[] {
    const { state } = card;
    const status = state === "expired" || state === "cancelled" ? { status: statusCodes[state] } : undefined;
    const event = { giftCardId: card.id, ...status, ...worth(card), returnedAt: toTimestamp(card.updatedAt) };
    const told = this.outbox.adding("giftmesh.gift-card.returned", GiftCardReturnedSchema, event, call);
    return [told, ...this.people.returned(card)];
  }
}

function worth({ amount, currency }: Card) {
  return { amount: formatAmount(amount, currency), currency };
}
