import type { Database, Row, Statement, Value } from "../../platform/database/database.ts";
import { placeholders } from "../../platform/database/statements.ts";
import type { Key, Paging } from "../../platform/paging.ts";
import type { Instant } from "../../platform/time.ts";
import { type Order, type OrderState, type Payer, unplaced } from "../domain/order.ts";
import { orderColumns, ordersOf, selectItems, selectOrders, selectRequested } from "./orders.ts";

/** Whose orders, in which states. */
export interface OrderFilter {
  readonly of: { readonly userId: bigint } | { readonly vendorId: bigint };
  /** All that were placed where undefined; for a vendor, all that were paid. */
  readonly states: StatesByPayer | undefined;
}

/** States of orders, by what these are paid from: at least one of each. */
export type StatesByPayer = Readonly<Record<Payer["method"], readonly OrderState[]>>;

/** What orders there are. */
export class OrderLists {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(id: bigint): Promise<Order | undefined> {
    const [order] = await this.withItems(await this.database.select(selectOrders([id])));
    return order;
  }

  /** Those of these ids that are there, by id. */
  async findMany(ids: readonly bigint[]): Promise<Order[]> {
    return this.withItems(await this.database.select(selectOrders(ids)));
  }

  /** The order that was asked for under a request's id. */
  async findRequested(requestId: string): Promise<Order | undefined> {
    const [order] = await this.withItems(await this.database.select(selectRequested([requestId])));
    return order;
  }

  /** One page, the newest first, and one more where there are more. */
  async list(filter: OrderFilter, paging: Paging): Promise<Order[]> {
    const conditions = conditionsOf(filter);
    if (paging.kind === "cursor") conditions.push(["id < ?", [paging.after[0] ?? 0n]]);
    const offset = paging.kind === "page" ? BigInt(paging.offset) : 0n;
    const { sql, values } = matching(orderColumns.join(", "), conditions);
    const page = {
      sql: `${sql} ORDER BY id DESC LIMIT ? OFFSET ?`,
      values: [...values, BigInt(paging.perPage + 1), offset],
    };
    return this.withItems(await this.database.select(page));
  }

  async count(filter: OrderFilter): Promise<bigint> {
    const [row] = await this.database.select(matching("COUNT(*) AS count", conditionsOf(filter)));
    return (row?.count as bigint | undefined) ?? 0n;
  }

  /** Orders that somebody is to see to, those that have waited longest first. */
  async due(by: Instant, limit: number): Promise<Order[]> {
    const sql = `SELECT ${orderColumns.join(", ")} FROM orders WHERE due_at <= ? ORDER BY due_at LIMIT ?`;
    return this.withItems(await this.database.select({ sql, values: [by, BigInt(limit)] }));
  }

  /** Has an order that could not be seen to wait. */
  async postpone({ id, state }: Order, dueAt: Instant): Promise<void> {
    const sql = "UPDATE orders SET due_at = ? WHERE id = ? AND state = ? AND due_at IS NOT NULL AND due_at < ?";
    await this.database.commit([{ sql, values: [dueAt, id, state, dueAt] }]);
  }

  /** Forgets those of these that were never placed, and are due. What a gift card's flow was told never is. */
  async forgetFailed(ids: readonly bigint[], by: Instant): Promise<void> {
    const sql = `DELETE FROM orders WHERE id IN (${placeholders(ids.length)}) AND state = 'failed' AND due_at <= ?`;
    await this.database.write([{ sql, values: [...ids, by] }]);
  }

  private async withItems(rows: readonly Row[]): Promise<Order[]> {
    if (rows.length === 0) return [];
    return ordersOf(rows, await this.database.select(selectItems(rows.map((row) => row.id as bigint))));
  }
}

type Condition = readonly [sql: string, values: readonly Value[]];

function conditionsOf({ of, states }: OrderFilter): Condition[] {
  const conditions: Condition[] = [
    states ? inStates(states) : [`state NOT IN (${placeholders(unplaced.length)})`, unplaced],
  ];
  if ("userId" in of) conditions.push(["user_id = ?", [of.userId]]);
  else {
    conditions.push(["id IN (SELECT order_id FROM order_items WHERE vendor_id = ?)", [of.vendorId]]);
    conditions.push(["paid_at IS NOT NULL", []]);
  }
  return conditions;
}

function inStates({ balance, gift_card: giftCard }: StatesByPayer): Condition {
  const ofBalance = `gift_card_id IS NULL AND state IN (${placeholders(balance.length)})`;
  const ofGiftCards = `gift_card_id IS NOT NULL AND state IN (${placeholders(giftCard.length)})`;
  return [`(${ofBalance} OR ${ofGiftCards})`, [...balance, ...giftCard]];
}

function matching(what: string, conditions: readonly Condition[]): Statement {
  return {
    sql: `SELECT ${what} FROM orders WHERE ${conditions.map(([sql]) => sql).join(" AND ")}`,
    values: conditions.flatMap(([, values]) => values),
  };
}

/** What a list of orders is sorted by. */
export function orderKey({ id }: Order): Key {
  return [id];
}
