import type { Database } from "../platform/database/database.ts";
import { FlowLane } from "../platform/flow-lane.ts";
import type { Change } from "../platform/flow-store.ts";
import type { LaneObserver } from "../platform/lane.ts";
import type { Order } from "./domain/order.ts";
import { forgetRequest, isStillRequested } from "./domain/steps.ts";
import {
  insertOrders,
  ordersOf,
  requireOrders,
  selectItems,
  selectOrders,
  selectRequested,
  updateOrders,
  writeItems,
} from "./store/orders.ts";

/** Where orders change. */
export type OrderLane = FlowLane<Order>;

/** Opens a lane; one is enough for a process. */
export function openOrderLane(database: Database, observe?: LaneObserver): OrderLane {
  const { dialect } = database;
  return new FlowLane<Order>({
    database,
    observe,
    store: {
      noun: "Order",
      select: (ids, lock) => [selectOrders(ids, lock), selectItems(ids)],
      selectRequested,
      itemsOf: ([rows = [], itemRows = []]) => ordersOf(rows, itemRows),
      isStillRequested,
      forgetRequest,
      write: (changes, begun) => [
        ...updateOrders(changes),
        ...(begun.length > 0 ? [insertOrders(begun)] : []),
        ...writeItems(dialect, afterOf(changes.filter(([before, after]) => before.items !== after.items))),
      ],
      requireUnchanged: requireOrders,
    },
  });
}

function afterOf(changes: readonly Change<Order>[]): Order[] {
  return changes.map(([, after]) => after);
}
