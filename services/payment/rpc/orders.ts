import { OrderService } from "../../../gen/giftmesh/payment/v1/order_service_pb.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { NotFound } from "../../platform/refusal.ts";
import { memberId } from "../../platform/rpc/access.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { isUnplaced, type Order } from "../domain/order.ts";
import { addUp } from "../domain/pricing.ts";
import type { Placing } from "../placing.ts";
import { removeLines } from "../store/carts.ts";
import { type OrderLists, orderKey } from "../store/order-lists.ts";
import type { Undoing } from "../undoing.ts";
import { orderShape, paymentShape, statesOf } from "./shapes.ts";

/** Orders of a member. */
export function serveOrders(placing: Placing, undoing: Undoing, orders: OrderLists): Served {
  return serve(OrderService, {
    async placeOrder(request, call) {
      const userId = memberId(request.userId, call.caller);
      const lines = addUp(request.items);
      const inCart = lines.map(({ productId }) => productId);
      const wish = { userId, lines, payer: { method: "balance" }, couponId: request.couponId } as const;
      const asked = { requestId: call.receipt?.effectId, beside: [removeLines(userId, inCart)] };
      return placedShape(await placing.place({ ...wish, ...asked }, call, settlingWith(call, placedShape)));
    },

    async listOrders(request, { caller: { userId } }) {
      const paging = readPaging(request);
      const states = request.status === undefined ? undefined : statesOf(request.status);
      const filter = { of: { userId }, states };
      const { rows, pageInfo } = pageOf(paging, {
        rows: await orders.list(filter, paging),
        keyOf: orderKey,
        total: paging.kind === "page" ? await orders.count(filter) : undefined,
      });
      return { orders: rows.map((order) => orderShape(order)), pageInfo };
    },

    async getOrder({ orderId }, { caller: { userId } }) {
      const order = await orders.find(orderId);
      if (!order || order.userId !== userId || isUnplaced(order)) throw new NotFound("Order");
      return { order: orderShape(order) };
    },

    async cancelOrder({ orderId }, call) {
      const cancelled = (order: Order) => ({ order: orderShape(order) });
      const order = await undoing.cancel(orderId, call.caller.userId, call, settlingWith(call, cancelled));
      return cancelled(order);
    },
  });
}

/** What writes the answer beside an order's last step, where the caller gave an idempotency key. */
export function settlingWith({ receipt }: Call, answer: (order: Order) => object) {
  return (order: Order) => receipt?.settling(answer(order)) ?? [];
}

function placedShape(order: Order) {
  return { order: orderShape(order), payment: paymentShape(order) };
}
