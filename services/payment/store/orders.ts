import type { Database, Row, Statement } from "../../platform/database/database.ts";
import {
  type ColumnsOf,
  insertInto,
  placeholders,
  requireRows,
  rowsOf,
  updateChanged,
  upsertInto,
} from "../../platform/database/statements.ts";
import type { Order, OrderItem, OrderState, Payer } from "../domain/order.ts";

const fixed: ColumnsOf<Order> = {
  id: (order) => order.id,
  user_id: (order) => order.userId,
  gift_card_id: ({ payer }) => (payer.method === "gift_card" ? payer.giftCardId : undefined),
  gift_card_amount: ({ payer }) => (payer.method === "gift_card" ? payer.cardAmount : undefined),
  coupon_id: (order) => order.couponId,
  created_at: (order) => order.createdAt,
  expires_at: (order) => order.expiresAt,
};

const changing: ColumnsOf<Order> = {
  request_id: (order) => order.requestId,
  state: (order) => order.state,
  currency: (order) => order.currency,
  discount: (order) => order.discount,
  total: (order) => order.total,
  paid_at: (order) => order.paidAt,
  balance_after: (order) => order.balanceAfter,
  cancelled_at: (order) => order.cancelledAt,
  attempt: (order) => order.attempt,
  due_at: (order) => order.dueAt,
};

const all: ColumnsOf<Order> = { ...fixed, ...changing };

/** Every column of an order, for SELECT. */
export const orderColumns = Object.keys(all);

const itemColumns = [
  "order_id",
  "position",
  "product_id",
  "vendor_id",
  "name",
  "quantity",
  "unit_price",
  "offer_id",
  "discount",
  "completed_at",
] as const;

/** Items in one statement: SQLite takes 32,766 values. */
const itemsAtOnce = 1_000;

/** Orders by id, in the order of their ids, locked where `lock` is FOR UPDATE. */
export function selectOrders(ids: readonly bigint[], lock = ""): Statement {
  return {
    sql: `SELECT ${orderColumns.join(", ")} FROM orders WHERE id IN (${placeholders(ids.length)}) ORDER BY id${lock}`,
    values: ids,
  };
}

/** Orders by what asked for them. */
export function selectRequested(requestIds: readonly string[], lock = ""): Statement {
  return {
    sql: `SELECT ${orderColumns.join(", ")} FROM orders
          WHERE request_id IN (${placeholders(requestIds.length)}) ORDER BY id${lock}`,
    values: requestIds,
  };
}

/** The items of orders, in their places. */
export function selectItems(orderIds: readonly bigint[]): Statement {
  return {
    sql: `SELECT ${itemColumns.join(", ")} FROM order_items
          WHERE order_id IN (${placeholders(orderIds.length)}) ORDER BY order_id, position`,
    values: orderIds,
  };
}

export function insertOrders(orders: readonly Order[]): Statement {
  return insertInto("orders", orderColumns, rowsOf(all, orders));
}

/** Writes what has changed of orders that are there, and locked. */
export function updateOrders(changes: readonly (readonly [before: Order, after: Order])[]): Statement[] {
  return updateChanged("orders", changing, changes);
}

/** Columns of which one at least differs after every change of an order under way. */
const telling = ["id", "state", "attempt", "total", "due_at"] as const;

/** Locks orders under way; fails for want of a value where one is not as it is here. */
export function requireOrders(orders: readonly Order[]): Statement {
  const rows = orders.map(
    ({ id, state, attempt, total, dueAt }) => [id, state, attempt, total, dueAt ?? null] as const,
  );
  return requireRows("orders", telling, rows);
}

/** Writes the items of orders; of those that are there, when they were completed. */
export function writeItems(dialect: Database["dialect"], orders: readonly Order[]): Statement[] {
  const rows = orders.flatMap(({ id, items }) =>
    items.map((item, index) => [
      id,
      BigInt(index + 1),
      item.productId,
      item.vendorId,
      item.name,
      item.quantity,
      item.unitPrice,
      item.offerId ?? null,
      item.discount,
      item.completedAt ?? null,
    ]),
  );
  const upsert = { key: ["order_id", "position"], update: ["completed_at"] };
  const statements: Statement[] = [];
  for (let start = 0; start < rows.length; start += itemsAtOnce) {
    const some = rows.slice(start, start + itemsAtOnce);
    statements.push(upsertInto(dialect, "order_items", itemColumns, some, upsert));
  }
  return statements;
}

/** Orders from their rows, each with those of the items that are its own. */
export function ordersOf(rows: readonly Row[], itemRows: readonly Row[]): Order[] {
  const items = Map.groupBy(itemRows, (row) => row.order_id as bigint);
  return rows.map((row) => orderOf(row, items.get(row.id as bigint) ?? []));
}

function orderOf(row: Row, itemRows: readonly Row[]): Order {
  const currency = row.currency as string;
  return {
    id: row.id as bigint,
    requestId: optional(row.request_id as string | null),
    userId: row.user_id as bigint,
    state: row.state as OrderState,
    payer: payerOf(row),
    items: itemRows.map((item) => itemOf(item, currency)),
    currency,
    discount: row.discount as bigint,
    total: row.total as bigint,
    couponId: optional(row.coupon_id as bigint | null),
    createdAt: row.created_at as bigint,
    expiresAt: row.expires_at as bigint,
    paidAt: optional(row.paid_at as bigint | null),
    balanceAfter: optional(row.balance_after as bigint | null),
    cancelledAt: optional(row.cancelled_at as bigint | null),
    attempt: row.attempt as bigint,
    dueAt: optional(row.due_at as bigint | null),
  };
}

function payerOf(row: Row): Payer {
  return row.gift_card_id === null
    ? { method: "balance" }
    : {
        method: "gift_card",
        giftCardId: row.gift_card_id as bigint,
        cardAmount: row.gift_card_amount as bigint,
      };
}

function itemOf(row: Row, currency: string): OrderItem {
  return {
    productId: row.product_id as bigint,
    vendorId: row.vendor_id as bigint,
    name: row.name as string,
    quantity: row.quantity as bigint,
    unitPrice: row.unit_price as bigint,
    currency,
    offerId: optional(row.offer_id as bigint | null),
    discount: row.discount as bigint,
    completedAt: optional(row.completed_at as bigint | null),
  };
}

function optional<T>(value: T | null): T | undefined {
  return value ?? undefined;
}
