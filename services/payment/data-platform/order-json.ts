import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  type Order,
  type OrderItem,
  OrderSchema,
  OrderStatus,
  PaymentMethod,
} from "../../../gen/giftmesh/payment/v1/order_pb.ts";
import { instantText } from "../../platform/instant-text.ts";
import { toTimestamp } from "../../platform/time.ts";
import type { OrderEntry } from "./order-feed.ts";

const statuses: Readonly<Record<OrderStatus, string | null>> = {
  [OrderStatus.UNSPECIFIED]: null,
  [OrderStatus.AWAITING_PAYMENT]: "awaiting_payment",
  [OrderStatus.PENDING]: "pending",
  [OrderStatus.COMPLETED]: "completed",
  [OrderStatus.CANCELLED]: "cancelled",
  [OrderStatus.EXPIRED]: "expired",
};

const paymentMethods: Readonly<Record<PaymentMethod, string | null>> = {
  [PaymentMethod.UNSPECIFIED]: null,
  [PaymentMethod.BALANCE]: "balance",
  [PaymentMethod.GIFT_CARD]: "gift_card",
};

/** The body of the request that tells of an entry, as JSON: its type, when it happened, and the order as REST shows it. */
export function bodyOf({ type, order, occurredAt }: OrderEntry): Uint8Array {
  return Buffer.from(
    JSON.stringify({ type, timestamp: instantText(toTimestamp(occurredAt)), data: jsonOf(create(OrderSchema, order)) }),
    "utf8",
  );
}

function jsonOf(order: Order) {
  return {
    id: Number(order.id),
    user_id: Number(order.userId),
    vendor_id: numberOf(order.vendorId),
    product_id: numberOf(order.productId),
    items: order.items.map(itemJsonOf),
    discount_amount: order.discountAmount,
    total_amount: order.totalAmount,
    currency: order.currency,
    status: statuses[order.status],
    payment_method: paymentMethods[order.paymentMethod],
    payment_id: Number(order.paymentId),
    coupon_id: numberOf(order.couponId),
    created_at: timeOf(order.createdAt),
    expires_at: timeOf(order.expiresAt),
    paid_at: timeOf(order.paidAt),
  };
}

function itemJsonOf(item: OrderItem) {
  return {
    product_id: Number(item.productId),
    vendor_id: Number(item.vendorId),
    name: item.name,
    quantity: Number(item.quantity),
    unit_price: item.unitPrice,
    offer_id: numberOf(item.offerId),
    discount_amount: item.discountAmount,
    total_amount: item.totalAmount,
    completed_at: timeOf(item.completedAt),
  };
}

/** Ids are below 2^53. */
function numberOf(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}

function timeOf(timestamp: Timestamp | undefined): string | null {
  return timestamp ? instantText(timestamp) : null;
}
