import {
  GiftCardOrderService,
  type PlaceGiftCardOrderRequest,
} from "../../../gen/giftmesh/payment/v1/gift_card_order_service_pb.ts";
import { NotFound } from "../../platform/refusal.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { GiftCardTooSmall, OrderIdReused } from "../domain/errors.ts";
import { isUnplaced, type Order, transferIdOf } from "../domain/order.ts";
import type { Placing, Wish } from "../placing.ts";
import type { OrderLists } from "../store/order-lists.ts";
import type { Undoing } from "../undoing.ts";
import { orderShape } from "./shapes.ts";

/** Orders that are paid by a gift card, for the service that keeps those. */
export function serveGiftCardOrders(placing: Placing, undoing: Undoing, orders: OrderLists): Served {
  /** The order of an id. Throws NotFound where none was placed. */
  const placedAs = async (id: string): Promise<Order> => {
    const order = await orders.findRequested(requestIdOf(id));
    if (!order || isUnplaced(order)) throw new NotFound("Order");
    return order;
  };

  return serve(GiftCardOrderService, {
    async placeGiftCardOrder(request, call) {
      const wish = readWish(request);
      const order = await placing.place(wish, call, () => []);
      if (!isAsWished(order, wish)) throw new OrderIdReused();
      return { order: orderShape(order) };
    },

    async cancelGiftCardOrder({ id }, call) {
      const placed = await placedAs(id);
      const order = await undoing.cancel(placed.id, undefined, call, () => []);
      return { order: orderShape(order), transferId: transferIdOf(order, "refund") };
    },

    async getGiftCardOrder({ id }) {
      return { order: orderShape(await placedAs(id)) };
    },

    async listGiftCardOrders({ orderIds }) {
      const found = await orders.findMany(orderIds);
      const ofCards = found.filter((order) => order.payer.method === "gift_card" && !isUnplaced(order));
      return { orders: ofCards.map(orderShape) };
    },
  });
}

function readWish({ id, userId, giftCardId, productId, offerId, price, amount }: PlaceGiftCardOrderRequest): Wish {
  const { currencyCode = "", minorUnits: unitPrice = 0n } = price ?? {};
  const { minorUnits: cardAmount = 0n } = amount ?? {};
  if (amount?.currencyCode !== currencyCode || cardAmount < unitPrice) throw new GiftCardTooSmall();
  return {
    userId,
    lines: [{ productId, quantity: 1n }],
    payer: { method: "gift_card", giftCardId, cardAmount },
    requestId: requestIdOf(id),
    agreed: { unitPrice, currency: currencyCode, offerId },
  };
}

/** Client's keys make request ids of 40 hexadecimal digits: these are others. */
function requestIdOf(id: string): string {
  return `gift-card/${id}`;
}

/** Whether an order of the same id is of the same content. */
function isAsWished(
  { userId, payer, items: [item] }: Order,
  { userId: wishedBy, payer: card, lines, agreed }: Wish,
): boolean {
  if (payer.method !== "gift_card" || card.method !== "gift_card" || !item || !agreed) return false;
  return (
    userId === wishedBy &&
    payer.giftCardId === card.giftCardId &&
    payer.cardAmount === card.cardAmount &&
    item.productId === lines[0]?.productId &&
    item.unitPrice === agreed.unitPrice &&
    item.currency === agreed.currency &&
    item.offerId === agreed.offerId
  );
}
