import { randomUUID } from "node:crypto";
import type { Database, Row, Statement } from "../platform/database/database.ts";
import { Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import { RecentlyUsed } from "../platform/recently-used.ts";
import { now } from "../platform/time.ts";
import { type Hold, type HoldLine, productsOf, type Quote } from "./domain/hold.ts";
import type { PricedProduct } from "./domain/price.ts";
import type { StockLevel } from "./domain/product.ts";
import { type StockAfter, StockBatch, type StockOrder } from "./stock-batch.ts";
import { type Holds, holdOf, lockHolds } from "./store/holds.ts";
import { offerOf, selectRunning } from "./store/offers.ts";
import { productOf, selectProducts } from "./store/products.ts";
import { levelOf, lockLevels } from "./store/stock-levels.ts";

/** Holds whose products are remembered, so that they need not be looked up when it is committed or released. */
const mostRemembered = 20_000;

/** What is wanted held. */
export interface WantedHold {
  readonly id: string;
  readonly lines: readonly HoldLine[];
  /** Microseconds since 1970. */
  readonly expiresAt: bigint;
}

/** The rows that a batch locks and reads. */
interface Reach {
  /** In order. */
  readonly productIds: readonly bigint[];
  readonly holdIds: readonly string[];
  /** Those of the products that are to be priced. */
  readonly pricedIds: readonly bigint[];
}

type Attempt =
  | { readonly kind: "decided"; readonly outcomes: Outcome<StockAfter>[] }
  | { readonly kind: "too short"; readonly overlooked: readonly bigint[] };

/**
 * Holds, sells and gives back units. What is asked for at the same time is decided in turn, in the order that it came
 * in, and committed together.
 *
 * Every hold changes only while the stock of all its products is locked; a hold that has none, made by a release that
 * came first, never changes. Rows are locked stock first, then holds, each in the order of their keys.
 */
export class Stock {
  private readonly database: Database;
  private readonly holds: Holds;
  private readonly remembered = new RecentlyUsed<string, readonly bigint[]>(mostRemembered);
  private readonly lane: Lane<StockOrder, StockAfter>;

  constructor(database: Database, holds: Holds, observe?: LaneObserver) {
    this.database = database;
    this.holds = holds;
    this.lane = new Lane((orders, { forUpdate }) => this.commitTogether(orders, forUpdate), { observe, database });
  }

  /** Holds units of several products, all or none; of an id that is held so already it answers as it did first. */
  async hold(wanted: WantedHold, deadline?: number): Promise<readonly Quote[]> {
    const { hold } = await this.lane.submit({ kind: "hold", ...wanted }, deadline);
    return there(hold).lines.map((line) => line.quote);
  }

  /** Makes what is held sold. */
  async commit(id: string, deadline?: number): Promise<void> {
    await this.lane.submit({ kind: "commit", id }, deadline);
  }

  /** Makes what is held, or was sold by this hold, free again, for good; an id that is not there yet is spent. */
  async release(id: string, deadline?: number): Promise<void> {
    await this.lane.submit({ kind: "release", id }, deadline);
  }

  /** Makes free again what nobody has committed in time; changes nothing where its time has not come. */
  async expire(id: string): Promise<void> {
    await this.lane.submit({ kind: "expire", id });
  }

  /** Adds units to what is free, or takes them away; `beside` is written with it. Answers the stock after it. */
  async adjust(
    change: { readonly productId: bigint; readonly delta: bigint },
    beside: (after: StockLevel) => readonly Statement[] = () => [],
    deadline?: number,
  ): Promise<StockLevel> {
    const id = `adjust-${randomUUID()}`;
    const order = { kind: "adjust", id, ...change, beside: ({ level }: StockAfter) => beside(there(level)) } as const;
    return there((await this.lane.submit(order, deadline)).level);
  }

  private async commitTogether(orders: readonly StockOrder[], forUpdate: string): Promise<Outcome<StockAfter>[]> {
    const productIds = new Set(await this.reachOf(orders));
    for (;;) {
      const attempt = await this.attempt(orders, [...productIds], forUpdate);
      if (attempt.kind === "decided") return attempt.outcomes;
      // A hold that was not there before its products were to be locked: they are known now.
      for (const id of attempt.overlooked) productIds.add(id);
    }
  }

  /** The products of orders, those of the holds they name too as far as there are such holds. */
  private async reachOf(orders: readonly StockOrder[]): Promise<bigint[]> {
    const productIds: bigint[] = [];
    const unknown = new Set<string>();
    for (const order of orders) {
      if (order.kind === "hold") productIds.push(...order.lines.map((line) => line.productId));
      else if (order.kind === "adjust") productIds.push(order.productId);
      else {
        const remembered = this.remembered.get(order.id);
        if (remembered) productIds.push(...remembered);
        else unknown.add(order.id);
      }
    }
    if (unknown.size > 0) {
      for (const ids of (await this.holds.productsOf([...unknown])).values()) productIds.push(...ids);
    }
    return productIds;
  }

  /** Two round trips: locks and reads everything, decides, and writes what changes. */
  private async attempt(
    orders: readonly StockOrder[],
    unordered: readonly bigint[],
    forUpdate: string,
  ): Promise<Attempt> {
    const instant = now();
    const productIds = unordered.toSorted((a, b) => (a < b ? -1 : 1));
    const holdIds = [...new Set(orders.map((order) => order.id))];
    const pricedIds = productsOf(orders.flatMap((order) => (order.kind === "hold" ? order.lines : [])));
    const reader = new StockReader({ productIds, holdIds, pricedIds }, forUpdate, instant);
    return this.database.batch<Attempt>(reader.statements, async (results) => {
      const rows = reader.read(results);
      const overlooked = overlookedBy(productIds, rows.holds);
      if (overlooked.length > 0) return { save: [], result: { kind: "too short", overlooked } };
      const batch = new StockBatch(rows, instant);
      const outcomes = orders.map((order) => batch.decide(order));
      this.remember(outcomes);
      return { save: batch.statements(this.database.dialect), result: { kind: "decided", outcomes } };
    });
  }

  /** Before it is known whether they are made: what is remembered only saves a look, and every attempt checks it. */
  private remember(outcomes: readonly Outcome<StockAfter>[]): void {
    for (const outcome of outcomes) {
      const hold = "answer" in outcome ? outcome.answer.hold : undefined;
      if (hold?.state.status === "held") this.remembered.set(hold.id, productsOf(hold.lines));
    }
  }
}

/** Reads what a batch rests on, in one round trip. */
class StockReader {
  readonly statements: readonly Statement[];
  private readonly parts: readonly ("levels" | "holds" | "products" | "offers")[];

  constructor({ productIds, holdIds, pricedIds }: Reach, forUpdate: string, at: bigint) {
    const reads = [
      ...(productIds.length > 0 ? [["levels", lockLevels(productIds, forUpdate)] as const] : []),
      // After the stock, so that a hold that was changing is seen as it is now.
      ...(holdIds.length > 0 ? [["holds", lockHolds(holdIds, forUpdate)] as const] : []),
      ...(pricedIds.length > 0
        ? [["products", selectProducts(pricedIds)] as const, ["offers", selectRunning(pricedIds, at)] as const]
        : []),
    ];
    this.parts = reads.map(([part]) => part);
    this.statements = reads.map(([, statement]) => statement);
  }

  read(results: readonly Row[][]) {
    const rowsOf = (part: StockReader["parts"][number]) => results[this.parts.indexOf(part)] ?? [];
    const offers = Map.groupBy(rowsOf("offers").map(offerOf), (offer) => offer.productId);
    const priced = new Map(
      rowsOf("products")
        .map(productOf)
        .map((product): [bigint, PricedProduct] => [product.id, { product, offers: offers.get(product.id) ?? [] }]),
    );
    return { levels: rowsOf("levels").map(levelOf), holds: rowsOf("holds").map(holdOf), priced };
  }
}

/** Products of holds that were not locked. */
function overlookedBy(locked: readonly bigint[], holds: readonly Hold[]): bigint[] {
  const isLocked = new Set(locked);
  return holds.flatMap((hold) => productsOf(hold.lines)).filter((id) => !isLocked.has(id));
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("A command that was done has led to nothing");
  return value;
}
