import {
  type OrderCancelled,
  OrderCancelledSchema,
  type OrderPaid,
  OrderPaidSchema,
} from "../../gen/giftmesh/payment/v1/order_pb.ts";
import { type Consumer, consume } from "../platform/events/consumer.ts";
import { microsecondsPerSecond, now, toInstant } from "../platform/time.ts";
import type { ProductSales, Sale, SoldProduct } from "./store/product-sales.ts";

const oneDay = 24n * 3_600n * microsecondsPerSecond;

/** Days that are remembered: one more than anybody may ask for. */
const rememberedDays = 31n;

/** Products that one answer holds: as many as anybody may ask for. */
const mostProducts = 100;

/** How long an answer is given again, in milliseconds. */
const keptForMs = 1_000;

interface Kept {
  readonly since: number;
  readonly products: Promise<readonly SoldProduct[]>;
}

/**
 * What sells best. Units are counted by product and day as orders are paid and cancelled, so that to read it costs as
 * much as there are products and days, whatever the number of orders.
 */
export class TopProducts {
  private readonly sales: ProductSales;
  private readonly clock: () => number;
  private readonly kept = new Map<number, Kept>();

  /** The clock says milliseconds since some instant, and never goes back. */
  constructor(sales: ProductSales, clock = () => performance.now()) {
    this.sales = sales;
    this.clock = clock;
  }

  /** What sold best in the last so many days, today among them, as it was a second ago at most: up to 100 products. */
  of(days: number): Promise<readonly SoldProduct[]> {
    const at = this.clock();
    const known = this.kept.get(days);
    if (known && at - known.since < keptForMs) return known.products;
    const products = this.sales.best(dayOf(now()) - BigInt(days) + 1n, mostProducts);
    const kept = { since: at, products };
    this.kept.set(days, kept);
    // A failure is told to those who asked, and not to those who come after.
    products.catch(() => this.kept.get(days) === kept && this.kept.delete(days));
    return products;
  }

  /** Forgets the days that nobody may ask for any more. */
  purge(): Promise<void> {
    return this.sales.purge(dayOf(now()) - rememberedDays);
  }

  /** What counts orders. Either of an order's two events may come first. */
  get consumers(): Consumer[] {
    return [
      consume({
        name: "catalog-order-paid",
        subject: "giftmesh.order.paid",
        message: OrderPaidSchema,
        handleTogether: async (paid) => this.sales.adding(salesOf(paid, 1n)),
      }),
      consume({
        name: "catalog-order-cancelled",
        subject: "giftmesh.order.cancelled",
        message: OrderCancelledSchema,
        handleTogether: async (cancelled) => this.sales.adding(salesOf(cancelled, -1n)),
      }),
    ];
  }
}

/** What some orders come to, each product of each day once. */
function salesOf(events: readonly (OrderPaid | OrderCancelled)[], sign: 1n | -1n): Sale[] {
  const sales = new Map<string, Sale>();
  for (const { order, paidAt } of events) {
    if (!order || !paidAt) throw new Error("An event of an order that was paid says not of which, or when");
    const day = dayOf(toInstant(paidAt));
    for (const { productId, quantity } of order.items) {
      const key = `${day} ${productId}`;
      const units = (sales.get(key)?.units ?? 0n) + sign * quantity;
      sales.set(key, { day, productId, units });
    }
  }
  return [...sales.values()];
}

function dayOf(instant: bigint): bigint {
  return instant / oneDay;
}
