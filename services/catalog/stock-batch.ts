import type { Database, Statement } from "../platform/database/database.ts";
import type { Outcome } from "../platform/lane.ts";
import type { Instant } from "../platform/time.ts";
import type { Hold } from "./domain/hold.ts";
import type { PricedProduct } from "./domain/price.ts";
import type { StockLevel } from "./domain/product.ts";
import { decideStock, type StockCommand } from "./domain/stock.ts";
import { insertHolds, updateHolds } from "./store/holds.ts";
import { updateLevels } from "./store/stock-levels.ts";

/** A command, and what else is to be written if it is done: in the same transaction, or not at all. */
export type StockOrder = StockCommand & { readonly beside?: (after: StockAfter) => readonly Statement[] };

/** What a command has led to. */
export interface StockAfter {
  /** The hold of its id; undefined where there is none. */
  readonly hold: Hold | undefined;
  /** The stock of the product that was adjusted. */
  readonly level: StockLevel | undefined;
}

/** What a batch rests on, as it is while its rows are locked. */
export interface StockRows {
  readonly levels: readonly StockLevel[];
  readonly holds: readonly Hold[];
  readonly priced: ReadonlyMap<bigint, PricedProduct>;
}

/** The commands of one transaction, decided in turn: each sees what those before it did. */
export class StockBatch {
  private readonly levels: Map<bigint, StockLevel>;
  private readonly holds: Map<string, Hold>;
  private readonly priced: ReadonlyMap<bigint, PricedProduct>;
  private readonly now: Instant;
  private readonly known: ReadonlySet<string>;
  private readonly changedLevels = new Set<bigint>();
  private readonly changedHolds = new Set<string>();
  private readonly beside: Statement[] = [];

  constructor({ levels, holds, priced }: StockRows, now: Instant) {
    this.levels = new Map(levels.map((level) => [level.productId, level]));
    this.holds = new Map(holds.map((hold) => [hold.id, hold]));
    this.known = new Set(this.holds.keys());
    this.priced = priced;
    this.now = now;
  }

  decide(order: StockOrder): Outcome<StockAfter> {
    const decision = decideStock(order, {
      levels: this.levels,
      priced: this.priced,
      hold: this.holds.get(order.id),
      now: this.now,
    });
    switch (decision.kind) {
      case "refused":
        return { refusal: decision.refusal };
      case "changed":
        for (const level of decision.levels) {
          this.levels.set(level.productId, level);
          this.changedLevels.add(level.productId);
        }
        if (decision.hold) {
          this.holds.set(decision.hold.id, decision.hold);
          this.changedHolds.add(decision.hold.id);
        }
        break;
      case "unchanged":
        break;
      default:
        return decision satisfies never;
    }
    const level = order.kind === "adjust" ? this.levels.get(order.productId) : undefined;
    const after: StockAfter = { hold: this.holds.get(order.id), level };
    this.beside.push(...(order.beside?.(after) ?? []));
    return { answer: after };
  }

  /** What is to be written. */
  statements(dialect: Database["dialect"]): Statement[] {
    const statements = [...this.beside];
    const holds = [...this.changedHolds].map((id) => this.holds.get(id) as Hold);
    const made = holds.filter((hold) => !this.known.has(hold.id));
    const changed = holds.filter((hold) => this.known.has(hold.id));
    if (made.length > 0) statements.push(insertHolds(made));
    statements.push(...updateHolds(changed));
    const levels = [...this.changedLevels].map((id) => this.levels.get(id) as StockLevel);
    if (levels.length > 0) statements.push(updateLevels(dialect, levels));
    return statements;
  }
}
