import { create } from "@bufbuild/protobuf";
import { OrderCancelledSchema, OrderPaidSchema, OrderSchema } from "../../gen/giftmesh/payment/v1/order_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import type { Outbox } from "../platform/events/outbox.ts";
import type { Call } from "../platform/rpc/call.ts";
import { toTimestamp } from "../platform/time.ts";
import type { OrderFeed } from "./data-platform/order-feed.ts";
import type { Order } from "./domain/order.ts";
import { orderShape } from "./rpc/shapes.ts";

/** Tells the mesh and the data platform what happened to orders. */
export class OrderEvents {
  private readonly outbox: Outbox;
  private readonly feed: OrderFeed;

  constructor(outbox: Outbox, feed: OrderFeed) {
    this.outbox = outbox;
    this.feed = feed;
  }

  /** What tells that an order was paid, for the transaction of that. */
  paid(order: Order, call: Call): Statement[] {
    const occurredAt = known(order.paidAt);
    const event = { order: shownOrder(order), paidAt: toTimestamp(occurredAt) };
    return [
      this.outbox.adding("giftmesh.order.paid", OrderPaidSchema, event, call),
      this.feed.adding({ type: "order.paid", order: event.order, occurredAt }),
    ];
  }

  /** What tells that an order that had been paid was cancelled, for the transaction of that. */
  cancelled(order: Order, call: Call): Statement[] {
    const occurredAt = known(order.cancelledAt);
    const event = {
      order: shownOrder(order),
      paidAt: toTimestamp(known(order.paidAt)),
      cancelledAt: toTimestamp(occurredAt),
    };
    return [
      this.outbox.adding("giftmesh.order.cancelled", OrderCancelledSchema, event, call),
      this.feed.adding({ type: "order.cancelled", order: event.order, occurredAt }),
    ];
  }

  /** To be called once that transaction is committed. */
  committed(): void {
    this.feed.wake();
  }
}

/** Made once for both who are told. */
function shownOrder(order: Order) {
  return create(OrderSchema, orderShape(order));
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("An order is told of before it happened");
  return value;
}
