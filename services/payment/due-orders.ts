import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { Call } from "../platform/rpc/call.ts";
import type { Worker } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import type { Order } from "./domain/order.ts";
import type { Paying } from "./paying.ts";
import type { OrderLists } from "./store/order-lists.ts";
import type { Undoing } from "./undoing.ts";

/** How many orders are seen to at a time, and how many times in one run. */
const atOnce = 200;
const mostRounds = 25;

/** How long one that cannot be seen to waits, in microseconds. */
const postponement = 5_000_000n;

export interface DueOrdersParts {
  readonly orders: OrderLists;
  readonly paying: Paying;
  readonly undoing: Undoing;
  readonly log: Logger;
}

/**
 * Sees to orders that are due: those that nobody has paid in time expire, those whose driver is gone come to an end, and
 * those that were never placed are forgotten.
 * It may take a slow driver for a dead one: whoever comes second finds done what it meant to do.
 */
export class DueOrders {
  private readonly parts: DueOrdersParts;

  constructor(parts: DueOrdersParts) {
    this.parts = parts;
  }

  get worker(): Worker {
    return { name: "see-to-due-orders", everyMs: 500, alone: false, run: (signal) => this.seeToAll(signal) };
  }

  /** Sees to those that are due now. */
  async seeToAll(signal: AbortSignal): Promise<void> {
    for (let round = 1; round <= mostRounds; round++) {
      const at = now();
      const due = await this.parts.orders.due(at, atOnce);
      const failed = due.filter(({ state }) => state === "failed").map(({ id }) => id);
      if (failed.length > 0) await this.parts.orders.forgetFailed(failed, at);
      await Promise.all(due.map((order) => this.seeToOne(order)));
      if (due.length < atOnce || signal.aborted) return;
    }
  }

  private async seeToOne(order: Order): Promise<void> {
    const { orders, log } = this.parts;
    try {
      await this.seeTo(order, new Call({ requestId: randomUUID() }));
    } catch (error) {
      log.warn({ err: error, orderId: order.id, state: order.state }, "an order could not be seen to and waits");
      await orders.postpone(order, now() + postponement);
    }
  }

  private async seeTo(order: Order, call: Call): Promise<unknown> {
    const { paying, undoing } = this.parts;
    switch (order.state) {
      case "awaiting_payment":
        return undoing.expire(order.id, call);
      case "placing":
        return undoing.abandon(order.id, call);
      case "paying":
        return paying.settle(order, call);
      case "abandoning":
      case "cancelling":
      case "expiring":
      case "refunding":
        return undoing.drive(order, call);
      case "pending":
      case "completed":
      case "cancelled":
      case "expired":
      case "failed":
        return undefined;
      default:
        return order.state satisfies never;
    }
  }
}
