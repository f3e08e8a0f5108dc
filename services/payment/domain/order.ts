import type { FlowStep } from "../../platform/flow-step.ts";
import type { Instant } from "../../platform/time.ts";
import type { PricedLine } from "./pricing.ts";

/** Where an order at rest stands. */
export type RestState = "awaiting_payment" | "pending" | "completed" | "cancelled" | "expired" | "failed";

/**
 * Where an order under way stands: some other service has been asked for something, and whether it has done so is to be
 * found out by the ids that this order gave it.
 */
export type FlowState = "placing" | "paying" | "abandoning" | "cancelling" | "expiring" | "refunding";

export type OrderState = RestState | FlowState;

/** States that nobody but the flow itself sees: the order was never placed. */
export const unplaced: readonly OrderState[] = ["placing", "abandoning", "failed"];

/** Whether nobody but the flow itself sees it. */
export function isUnplaced({ state }: Pick<Order, "state">): boolean {
  return unplaced.includes(state);
}

/** What an order is paid from. */
export type Payer =
  | { readonly method: "balance" }
  | {
      readonly method: "gift_card";
      readonly giftCardId: bigint;
      /** What the card is worth, in minor units; what the order leaves of it goes to the buyer's wallet. */
      readonly cardAmount: bigint;
    };

export interface OrderItem extends PricedLine {
  /** Its part of the order's discount, in minor units. */
  readonly discount: bigint;
  /** When its vendor delivered it. */
  readonly completedAt: Instant | undefined;
}

/** An order, and its payment, which has the same id. */
export interface Order {
  readonly id: bigint;
  /** What asked for it, unique: asking again finds it. Undefined where nothing can ask again. */
  readonly requestId: string | undefined;
  readonly userId: bigint;
  readonly state: OrderState;
  readonly payer: Payer;
  /** Empty, with no currency and no amounts, while it is being placed. */
  readonly items: readonly OrderItem[];
  readonly currency: string;
  /** Minor units, as are all amounts. */
  readonly discount: bigint;
  readonly total: bigint;
  readonly couponId: bigint | undefined;
  readonly createdAt: Instant;
  /** It can be paid before this instant. */
  readonly expiresAt: Instant;
  readonly paidAt: Instant | undefined;
  /** What the buyer's wallet held right after. */
  readonly balanceAfter: bigint | undefined;
  readonly cancelledAt: Instant | undefined;
  /** Counts the attempts to move money for it: each has transfers of its own. */
  readonly attempt: bigint;
  /**
   * When somebody is to see to it, because it is not paid by then or because whoever drove it is gone; or when one that was
   * never placed is forgotten. Never, at rest.
   */
  readonly dueAt: Instant | undefined;
}

/** A step of an order from one state to another, or none. */
export type Step = FlowStep<Order>;

/** The vendor of an order whose items are all of one. */
export function soleVendorOf({ items }: Pick<Order, "items">): bigint | undefined {
  const vendors = new Set(items.map(({ vendorId }) => vendorId));
  return vendors.size === 1 ? items[0]?.vendorId : undefined;
}

/** Whether a vendor has delivered something of it. */
export function isDeliveryBegun({ items }: Pick<Order, "items">): boolean {
  return items.some(({ completedAt }) => completedAt !== undefined);
}

/** Where an order that is paid rests: the buyer of a gift-card order may change their mind until it is delivered. */
export function paidState({ payer, items }: Pick<Order, "payer" | "items">): "pending" | "completed" {
  const delivered = items.every(({ completedAt }) => completedAt !== undefined);
  return payer.method === "gift_card" && !delivered ? "pending" : "completed";
}

/** Whether it is paid as soon as its prices are known: by a gift card, or because it costs nothing. */
export function isPaidAtOnce({ payer, total }: Pick<Order, "payer" | "total">): boolean {
  return payer.method === "gift_card" || total === 0n;
}

/** Whether it is paid, and nobody is giving that back. */
export function isPaid({ state }: Pick<Order, "state">): boolean {
  return state === "pending" || state === "completed";
}

/** What the holds and coupon uses of an order are known by. */
export function effectIdOf({ id }: Pick<Order, "id">): string {
  return `order-${id}`;
}

/** The kinds of transfers that an order makes. */
export type TransferKind = "pay" | "rest" | "refund";

/** What the present attempt's transfer of a kind is known by. */
export function transferIdOf({ id, attempt }: Pick<Order, "id" | "attempt">, kind: TransferKind): string {
  return `order-${id}-${kind}-${attempt}`;
}
