import { countLane } from "../platform/lane-metrics.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { openDataPlatform } from "./data-platform/data-platform.ts";
import { DueOrders } from "./due-orders.ts";
import { neighboursOf } from "./neighbours.ts";
import { OrderEvents } from "./order-events.ts";
import { openOrderLane } from "./order-lane.ts";
import { Paying } from "./paying.ts";
import { Placing } from "./placing.ts";
import { serveCarts } from "./rpc/carts.ts";
import { serveDataPlatform } from "./rpc/data-platform.ts";
import { serveGiftCardOrders } from "./rpc/gift-card-orders.ts";
import { serveOrders } from "./rpc/orders.ts";
import { servePayments } from "./rpc/payments.ts";
import { serveVendorOrders } from "./rpc/vendor-orders.ts";
import { Carts } from "./store/carts.ts";
import { migrations } from "./store/migrations.ts";
import { OrderLists } from "./store/order-lists.ts";
import { Undoing } from "./undoing.ts";

/** Sells: carts, orders and their payment, and what the data platform is told of them. */
export const payment: ServiceDefinition = {
  name: "payment",
  migrations,
  async create({ config, database, clients, outbox, log, metrics, ids }) {
    const neighbours = neighboursOf(clients);
    const dataPlatform = openDataPlatform({ config, database, log, metrics });
    const events = new OrderEvents(outbox, dataPlatform.feed);
    const lane = openOrderLane(database, countLane(metrics, "orders"));
    const orders = new OrderLists(database);
    const paying = new Paying(lane, events, neighbours);
    const undoing = new Undoing({ lane, events, neighbours, paying });
    const { orderExpireAfterMs: expireAfterMs } = config;
    const placing = new Placing({ lane, ids: ids("orders"), neighbours, paying, undoing, expireAfterMs });
    return {
      serves: [
        serveCarts(new Carts(database), neighbours.stock),
        serveOrders(placing, undoing, orders),
        servePayments(paying),
        serveVendorOrders(lane, orders),
        serveGiftCardOrders(placing, undoing, orders),
        serveDataPlatform(dataPlatform),
      ],
      workers: [new DueOrders({ orders, paying, undoing, log }).worker, ...dataPlatform.workers],
    };
  },
};
