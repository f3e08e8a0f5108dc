import type { Order } from "../../gen/giftmesh/payment/v1/order_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import { isFinalNo, type Refusal, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { toInstant } from "../platform/time.ts";
import type { CardEvents } from "./card-events.ts";
import type { CardLane } from "./card-lane.ts";
import { type CardMoney, transactionOf } from "./card-money.ts";
import { checkMayRedeem, checkMayUnorder } from "./domain/access.ts";
import { type Card, type CardOrder, effectIdOf } from "./domain/card.ts";
import {
  isBy,
  ordered,
  startRedeeming,
  startUnordering,
  stepBackFromRedeeming,
  stepBackFromUnordering,
  unordered,
} from "./domain/steps.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Answering, Redeem } from "./redeeming.ts";

/** A card, and the order that was made of it. */
export interface CardAndOrder {
  readonly card: Card;
  readonly order: Order;
}

export interface OrderingParts {
  readonly lane: CardLane;
  readonly money: CardMoney;
  readonly events: CardEvents;
  readonly orders: Neighbours["orders"];
}

/**
 * Makes orders of cards, and cancels them. The order is payment's: it is placed by an id of the card's attempt, and a
 * refusal of that id is for good.
 */
export class Ordering {
  private readonly parts: OrderingParts;

  constructor(parts: OrderingParts) {
    this.parts = parts;
  }

  /** Orders what a card is good for, for the asker. Rejects with what refuses it, once nothing of it is left. */
  async order({ id, asker, requestId }: Redeem, call: Call, answering: Answering<CardAndOrder>): Promise<CardAndOrder> {
    const by = { userId: asker.userId, requestId };
    const begun = await this.parts.lane.take(
      {
        id,
        step: (card, now) => {
          // Whose card it is may have changed since it was ordered.
          if (!isBy(card, by)) checkMayRedeem(card, asker);
          return startRedeeming(card, "order", by, now);
        },
      },
      call,
    );
    return this.drive(begun, call, await answering(begun));
  }

  /** Takes an attempt to its end. Rejects with what refuses it, once the card has been let go. */
  async drive(
    begun: Card,
    call: Call,
    settling?: (placed: CardAndOrder) => readonly Statement[],
  ): Promise<CardAndOrder> {
    const order = await this.place(begun, call);
    const { id, attempt } = begun;
    const card = await this.parts.lane.take({
      id,
      step: (present, now) => ordered(present, attempt, cardOrderOf(order), now),
      beside: (present, kind) => [
        ...(kind === "taken" ? this.parts.events.redeemed(present, call) : []),
        ...(settling ? settling({ card: present, order }) : []),
      ],
    });
    return { card, order };
  }

  /** Cancels the order that the asker made of a card; its price goes to their wallet. Rejects with what refuses it. */
  async cancel({ id, asker, requestId }: Redeem, call: Call, answering: Answering<Card>): Promise<Card> {
    const by = { userId: asker.userId, requestId };
    const begun = await this.parts.lane.take(
      {
        id,
        step: (card, now) => {
          checkMayUnorder(card, asker);
          return startUnordering(card, by, now);
        },
      },
      call,
    );
    return this.driveBack(begun, call, await answering(begun));
  }

  /** Takes a cancelling to its end. Rejects with what refuses it, once the card is as it was. */
  async driveBack(begun: Card, call: Call, settling?: (card: Card) => readonly Statement[]): Promise<Card> {
    const transaction = transactionOf(await this.cancelOrder(begun, call));
    return this.parts.lane.take({
      id: begun.id,
      step: (present, now) => unordered(present, transaction, now),
      beside: (present, kind) => [
        ...(kind === "taken" ? this.parts.events.redeemed(present, call) : []),
        ...(settling ? settling(present) : []),
      ],
    });
  }

  private async place(begun: Card, call: Call): Promise<Order> {
    const { id, attempt, currency, amount, goods, redeemedBy } = begun;
    if (!goods || redeemedBy === undefined) throw new Error(`Card ${id} is ordered for nobody, or nothing`);
    try {
      const { order } = await this.parts.orders.placeGiftCardOrder(
        {
          id: effectIdOf(begun, "order"),
          userId: redeemedBy,
          giftCardId: id,
          productId: goods.productId,
          offerId: goods.offerId,
          price: { currencyCode: currency, minorUnits: goods.price },
          amount: { currencyCode: currency, minorUnits: amount },
        },
        call,
      );
      if (!order) throw new Error("Payment has answered without the order");
      return order;
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      await this.parts.lane.take({ id, step: (present, now) => stepBackFromRedeeming(present, attempt, now) });
      throw isRefusedBefore(error) ? new Unavailable() : error;
    }
  }

  private async cancelOrder(begun: Card, call: Call) {
    try {
      const { transferId } = await this.parts.orders.cancelGiftCardOrder({ id: effectIdOf(begun, "order") }, call);
      return await this.parts.money.find(transferId, call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      const { id, cancelAttempt } = begun;
      await this.parts.lane.take({ id, step: (card, now) => stepBackFromUnordering(card, cancelAttempt, now) });
      throw error;
    }
  }
}

/** What a card remembers of its order. */
function cardOrderOf({ id, createdAt }: Order): CardOrder {
  if (!createdAt) throw new Error("Payment has answered with an order of no time");
  return { id, placedAt: toInstant(createdAt) };
}

/** Whether somebody else was told why the order of this attempt will not be placed. */
function isRefusedBefore(error: Refusal): boolean {
  return error.reason === "ORDER_REFUSED_BEFORE";
}
