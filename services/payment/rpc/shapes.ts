import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type OrderItemSchema,
  type OrderSchema,
  OrderStatus,
  PaymentMethod,
  type PaymentSchema,
  PaymentStatus,
} from "../../../gen/giftmesh/payment/v1/order_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { type Instant, toTimestamp } from "../../platform/time.ts";
import { type Order, type OrderItem, type OrderState, type Payer, soleVendorOf } from "../domain/order.ts";
import { amountOf, sum } from "../domain/pricing.ts";
import type { StatesByPayer } from "../store/order-lists.ts";

type OrderInit = MessageInitShape<typeof OrderSchema> & Pick<Order, "id" | "userId">;

/** What clients see of a state: while something is under way, what it comes from. */
const statusOf: Readonly<Record<OrderState, OrderStatus>> = {
  placing: OrderStatus.UNSPECIFIED,
  abandoning: OrderStatus.UNSPECIFIED,
  failed: OrderStatus.UNSPECIFIED,
  awaiting_payment: OrderStatus.AWAITING_PAYMENT,
  paying: OrderStatus.AWAITING_PAYMENT,
  cancelling: OrderStatus.AWAITING_PAYMENT,
  expiring: OrderStatus.AWAITING_PAYMENT,
  pending: OrderStatus.PENDING,
  completed: OrderStatus.COMPLETED,
  refunding: OrderStatus.COMPLETED,
  cancelled: OrderStatus.CANCELLED,
  expired: OrderStatus.EXPIRED,
};

function orderStatusOf(state: OrderState, method: Payer["method"]): OrderStatus {
  // Only an order whose vendor has completed nothing is refunded: a gift card's is pending until then.
  if (state === "refunding" && method === "gift_card") return OrderStatus.PENDING;
  return statusOf[state];
}

/** The states that clients see as a status. */
export function statesOf(status: OrderStatus): StatesByPayer {
  const paidFrom = (method: Payer["method"]) =>
    (Object.keys(statusOf) as OrderState[]).filter((state) => orderStatusOf(state, method) === status);
  return { balance: paidFrom("balance"), gift_card: paidFrom("gift_card") };
}

/** An order as its buyer sees it. */
export function orderShape(order: Order): OrderInit {
  const { id, userId, items, currency, couponId, payer } = order;
  const [single] = items.length === 1 ? items : [];
  const soleVendor = soleVendorOf(order);
  return {
    id,
    userId,
    ...(soleVendor !== undefined && { vendorId: soleVendor }),
    ...(single && { productId: single.productId }),
    items: items.map((item) => itemShape(item, currency)),
    discountAmount: formatAmount(order.discount, currency),
    totalAmount: formatAmount(order.total, currency),
    currency,
    status: orderStatusOf(order.state, payer.method),
    paymentMethod: payer.method === "gift_card" ? PaymentMethod.GIFT_CARD : PaymentMethod.BALANCE,
    paymentId: id,
    ...(couponId !== undefined && { couponId }),
    createdAt: toTimestamp(order.createdAt),
    ...(isUnpaid(order) && at("expiresAt", order.expiresAt)),
    ...at("paidAt", order.paidAt),
  };
}

/** An order as one of its vendors sees it: what that one sold in it, and nothing of what others did. */
export function vendorOrderShape(order: Order, vendorId: bigint): OrderInit {
  const items = order.items.filter((item) => item.vendorId === vendorId);
  const discount = sum(items.map((item) => item.discount));
  return orderShape({ ...order, items, discount, total: sum(items.map(amountOf)) - discount });
}

export function paymentShape(order: Order): MessageInitShape<typeof PaymentSchema> {
  const { id, total, currency, paidAt } = order;
  return {
    id,
    orderId: id,
    status: paymentStatusOf(order),
    amount: formatAmount(total, currency),
    currency,
    ...at("paidAt", paidAt),
  };
}

function paymentStatusOf({ state, paidAt }: Order): PaymentStatus {
  if (state === "cancelled" || state === "expired") {
    return paidAt === undefined ? PaymentStatus.CANCELLED : PaymentStatus.REFUNDED;
  }
  return paidAt === undefined ? PaymentStatus.PENDING : PaymentStatus.PAID;
}

function itemShape(item: OrderItem, currency: string): MessageInitShape<typeof OrderItemSchema> {
  const { productId, vendorId, name, quantity, unitPrice, offerId, discount, completedAt } = item;
  return {
    productId,
    vendorId,
    name,
    quantity,
    unitPrice: formatAmount(unitPrice, currency),
    ...(offerId !== undefined && { offerId }),
    discountAmount: formatAmount(discount, currency),
    totalAmount: formatAmount(amountOf(item) - discount, currency),
    ...at("completedAt", completedAt),
  };
}

function isUnpaid({ paidAt, payer }: Order): boolean {
  return paidAt === undefined && payer.method === "balance";
}

function at<Name extends string>(name: Name, instant: Instant | undefined) {
  return instant === undefined ? {} : { [name]: toTimestamp(instant) };
}
