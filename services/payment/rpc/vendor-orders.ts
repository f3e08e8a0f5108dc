import { VendorOrderService } from "../../../gen/giftmesh/payment/v1/vendor_order_service_pb.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import type { Order } from "../domain/order.ts";
import { complete } from "../domain/steps.ts";
import type { OrderLane } from "../order-lane.ts";
import { type OrderLists, orderKey } from "../store/order-lists.ts";
import { settlingWith } from "./orders.ts";
import { statesOf, vendorOrderShape } from "./shapes.ts";

/** Orders, for those who work for a vendor. */
export function serveVendorOrders(lane: OrderLane, orders: OrderLists): Served {
  return serve(VendorOrderService, {
    async listVendorOrders(request, { caller: { vendorId } }) {
      const paging = readPaging(request);
      const states = request.status === undefined ? undefined : statesOf(request.status);
      const filter = { of: { vendorId }, states };
      const { rows, pageInfo } = pageOf(paging, {
        rows: await orders.list(filter, paging),
        keyOf: orderKey,
        total: paging.kind === "page" ? await orders.count(filter) : undefined,
      });
      return { orders: rows.map((order) => vendorOrderShape(order, vendorId)), pageInfo };
    },

    async completeOrder({ orderId }, call) {
      const { vendorId } = call.caller;
      const completed = (order: Order) => ({ order: vendorOrderShape(order, vendorId) });
      const order = await lane.take(
        {
          id: orderId,
          step: (order, now) => complete(order, vendorId, now),
          beside: settlingWith(call, completed),
        },
        call,
      );
      return completed(order);
    },
  });
}
