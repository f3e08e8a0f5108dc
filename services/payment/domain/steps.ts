import { NotFound, Unavailable } from "../../platform/refusal.ts";
import { type Instant, isRequestKnown } from "../../platform/time.ts";
import { OrderNotCancellable, OrderNotCompletable, PaymentNotPayable } from "./errors.ts";
import {
  isDeliveryBegun,
  isPaidAtOnce,
  isUnplaced,
  type Order,
  type OrderItem,
  type OrderState,
  paidState,
  type Step,
} from "./order.ts";

/** After how long somebody else sees to an order under way, in microseconds: whoever drove it has most likely died. */
const patience = 3_000_000n;

/** How long an order is kept that was never placed, in microseconds: a day. */
const failedKeptFor = 86_400_000_000n;

/** Where it may come to nothing: a refund that does not fit into the wallet is not made. */
const beingCancelled = "The order is being cancelled, try again";

/** What an order is begun with. */
export interface Beginning extends Pick<Order, "id" | "requestId" | "userId" | "payer" | "couponId"> {
  /** How long it can be paid, in milliseconds. */
  readonly expireAfterMs: number;
}

/** An order that nobody sees yet. */
export function begin({ expireAfterMs, ...wanted }: Beginning, now: Instant): Order {
  return {
    ...wanted,
    state: "placing",
    items: [],
    currency: "",
    discount: 0n,
    total: 0n,
    createdAt: now,
    expiresAt: now + BigInt(expireAfterMs) * 1_000n,
    paidAt: undefined,
    balanceAfter: undefined,
    cancelledAt: undefined,
    attempt: 0n,
    dueAt: now + patience,
  };
}

/**
 * Whether the request that began it, should it come again, means this order: for as long as its answer is kept, and for good
 * where a gift card pays, whose flow asks for one order only.
 */
export function isStillRequested({ payer, createdAt }: Pick<Order, "payer" | "createdAt">, now: Instant): boolean {
  return payer.method === "gift_card" || isRequestKnown(createdAt, now);
}

/** The request that began it begins others from now on. */
export function forgetRequest(order: Order): Order {
  return { ...order, requestId: undefined };
}

/** Prices are known, stock is held: it can be paid. One that costs nothing is on its way to be paid already. */
export function placed(
  order: Order,
  found: Pick<Order, "items" | "currency" | "discount" | "total">,
  now: Instant,
): Step {
  if (order.state !== "placing") return asItIs(order);
  const priced = { ...order, ...found };
  return isPaidAtOnce(priced)
    ? underWay({ ...priced, attempt: order.attempt + 1n }, "paying", now)
    : taken({ ...priced, state: "awaiting_payment", dueAt: order.expiresAt });
}

/** It will not be placed. */
export function abandon(order: Order, now: Instant): Step {
  return order.state === "placing" ? underWay(order, "abandoning", now) : asItIs(order);
}

/**
 * Throws PaymentNotPayable where it cannot be paid any more, and Unavailable where what was paid is on its way back, and may
 * yet stay. One that is paid, or being paid, is answered as it is.
 */
export function startPaying(order: Order, now: Instant): Step {
  switch (order.state) {
    case "awaiting_payment":
      if (now >= order.expiresAt) throw new PaymentNotPayable("expired");
      return underWay({ ...order, attempt: order.attempt + 1n }, "paying", now);
    case "paying":
    case "pending":
    case "completed":
      return asItIs(order);
    case "refunding":
      throw new Unavailable(beingCancelled);
    case "cancelling":
    case "cancelled":
      throw new PaymentNotPayable("cancelled");
    case "expiring":
    case "expired":
      throw new PaymentNotPayable("expired");
    case "placing":
    case "abandoning":
    case "failed":
      throw new NotFound("Payment");
    default:
      return order.state satisfies never;
  }
}

/** The attempt's money was moved, and the stock is sold. */
export function paid(order: Order, attempt: bigint, balanceAfter: bigint | undefined, now: Instant): Step {
  if (order.state !== "paying" || order.attempt !== attempt) return asItIs(order);
  return taken({ ...order, state: paidState(order), paidAt: now, balanceAfter, dueAt: undefined });
}

/** The attempt's money was not moved, and never will be. */
export function stepBackFromPaying(order: Order, attempt: bigint, now: Instant): Step {
  if (order.state !== "paying" || order.attempt !== attempt) return asItIs(order);
  return order.payer.method === "gift_card"
    ? underWay(order, "abandoning", now)
    : taken({ ...order, state: "awaiting_payment", dueAt: order.expiresAt });
}

/** The money was moved, but what it was for is sold out: it expired before it was paid. */
export function outOfStock(order: Order, attempt: bigint, now: Instant): Step {
  if (order.state !== "paying" || order.attempt !== attempt) return asItIs(order);
  return underWay(order, order.payer.method === "gift_card" ? "abandoning" : "expiring", now);
}

/** Throws OrderNotCancellable. One that is cancelled, or being cancelled or paid, is answered as it is. */
export function startCancelling(order: Order, now: Instant): Step {
  switch (order.state) {
    case "awaiting_payment":
      return underWay(order, "cancelling", now);
    case "pending":
    case "completed":
      if (isDeliveryBegun(order)) throw new OrderNotCancellable();
      return underWay({ ...order, attempt: order.attempt + 1n }, "refunding", now);
    case "paying":
    case "cancelling":
    case "refunding":
    case "cancelled":
      return asItIs(order);
    case "expiring":
    case "expired":
      throw new OrderNotCancellable();
    case "placing":
    case "abandoning":
    case "failed":
      throw new NotFound("Order");
    default:
      return order.state satisfies never;
  }
}

/** The refund's money could not be moved, and never will be: it stays paid. */
export function stepBackFromRefunding(order: Order, attempt: bigint): Step {
  if (order.state !== "refunding" || order.attempt !== attempt) return asItIs(order);
  return taken({ ...order, state: paidState(order), dueAt: undefined });
}

/** Nobody has paid in time. */
export function startExpiring(order: Order, now: Instant): Step {
  if (order.state !== "awaiting_payment" || now < order.expiresAt) return asItIs(order);
  return underWay(order, "expiring", now);
}

/** Everything was given back. */
export function undone(order: Order, now: Instant): Step {
  switch (order.state) {
    case "cancelling":
    case "refunding":
      return taken({ ...order, state: "cancelled", cancelledAt: now, dueAt: undefined });
    case "expiring":
      return taken({ ...order, state: "expired", dueAt: undefined });
    case "abandoning":
      // Who asks again with the same key may have it placed; a gift card's flow has taken no for an answer.
      return order.payer.method === "gift_card"
        ? taken({ ...order, state: "failed", dueAt: undefined })
        : taken({ ...order, state: "failed", requestId: undefined, dueAt: now + failedKeptFor });
    default:
      return asItIs(order);
  }
}

/**
 * A vendor has delivered what it sold in it. Throws NotFound where that is nothing, and OrderNotCompletable where it is not
 * paid, or not any more.
 */
export function complete(order: Order, vendorId: bigint, now: Instant): Step {
  const isTheirs = (item: OrderItem) => item.vendorId === vendorId;
  if (!order.items.some(isTheirs) || isUnplaced(order)) throw new NotFound("Order");
  if (order.state === "refunding") throw new Unavailable(beingCancelled);
  if (order.state !== "pending" && order.state !== "completed") throw new OrderNotCompletable();
  if (order.items.every((item) => !isTheirs(item) || item.completedAt !== undefined)) return asItIs(order);
  const items = order.items.map((item) => (isTheirs(item) ? { ...item, completedAt: item.completedAt ?? now } : item));
  return taken({ ...order, items, state: paidState({ ...order, items }) });
}

function underWay(order: Order, state: OrderState, now: Instant): Step {
  return taken({ ...order, state, dueAt: now + patience });
}

function taken(order: Order): Step {
  return { kind: "taken", after: order };
}

/** Nothing happens to it. */
export function asItIs(order: Order): Step {
  return { kind: "as it is", after: order };
}
