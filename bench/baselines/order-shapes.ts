import { shownTime } from "./front.ts";

/** Amounts are in minor units, instants in microseconds since 1970. */
export interface OrderRow {
  readonly id: number;
  readonly user_id: number;
  readonly status: string;
  readonly currency: string;
  readonly total: number;
  readonly created_at: number;
  readonly expires_at: number;
  readonly paid_at: number | null;
  readonly balance_after: number | null;
}

export interface ItemRow {
  readonly position: number;
  readonly product_id: number;
  readonly vendor_id: number;
  readonly name: string;
  readonly quantity: number;
  readonly unit_price: number;
  readonly offer_id: number | null;
}

/** An order, as the HTTP contract shows it. */
export function shownOrder(order: OrderRow, items: readonly ItemRow[]) {
  const vendors = new Set(items.map((item) => item.vendor_id));
  return {
    id: order.id,
    user_id: order.user_id,
    vendor_id: vendors.size === 1 ? items[0]?.vendor_id : null,
    product_id: items.length === 1 ? items[0]?.product_id : null,
    items: items.map((item) => ({
      product_id: item.product_id,
      vendor_id: item.vendor_id,
      name: item.name,
      quantity: item.quantity,
      unit_price: shownAmount(item.unit_price),
      offer_id: item.offer_id,
      discount_amount: shownAmount(0),
      total_amount: shownAmount(item.unit_price * item.quantity),
      completed_at: null,
    })),
    discount_amount: shownAmount(0),
    total_amount: shownAmount(order.total),
    currency: order.currency,
    status: order.status,
    payment_method: "balance",
    payment_id: order.id,
    coupon_id: null,
    created_at: shownTime(order.created_at),
    expires_at: order.paid_at === null ? shownTime(order.expires_at) : null,
    paid_at: order.paid_at === null ? null : shownTime(order.paid_at),
  };
}

/** Its payment, which has the same id. */
export function shownPayment({ id, total, currency, paid_at }: OrderRow) {
  return {
    id,
    order_id: id,
    status: paid_at === null ? "pending" : "paid",
    amount: shownAmount(total),
    currency,
    paid_at: paid_at === null ? null : shownTime(paid_at),
  };
}

/** An amount with the two digits of SAR. */
export function shownAmount(minorUnits: number): string {
  return (minorUnits / 100).toFixed(2);
}
