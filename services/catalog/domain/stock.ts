import type { Refusal } from "../../platform/refusal.ts";
import type { Instant } from "../../platform/time.ts";
import { HoldEnded, HoldNotFound, OutOfStock, ProductNotFound, StockLimitExceeded } from "./errors.ts";
import { type HeldLine, type Hold, type HoldLine, holds, type Quote } from "./hold.ts";
import { type Price, type PricedProduct, priceAt } from "./price.ts";
import type { StockLevel } from "./product.ts";

/** The most units of a product that can be put in. */
export const mostFree = 1_000_000_000_000n;

/** What somebody wants done to the stock. */
export type StockCommand =
  | {
      readonly kind: "hold";
      /** Made by the caller: the same id is the same hold, however often it is asked for. */
      readonly id: string;
      /** At least one. */
      readonly lines: readonly HoldLine[];
      readonly expiresAt: Instant;
    }
  | { readonly kind: "commit" | "release" | "expire"; readonly id: string }
  | {
      readonly kind: "adjust";
      /** Spent by it, so that it is done once however often it is asked for. */
      readonly id: string;
      readonly productId: bigint;
      readonly delta: bigint;
    };

/** What a decision rests on. */
export interface StockFacts {
  /** By product; of every product that the command or its hold names, if there is such a product. */
  readonly levels: ReadonlyMap<bigint, StockLevel>;
  /** By product; of every product that is to be held. */
  readonly priced: ReadonlyMap<bigint, PricedProduct>;
  /** The hold of the command's id, where there is one. */
  readonly hold: Hold | undefined;
  readonly now: Instant;
}

/** What one command comes to. */
export type StockDecision =
  | {
      readonly kind: "changed";
      /** Those that change, as they are after it. */
      readonly levels: readonly StockLevel[];
      /** The hold that is made or changed, as it is after it. */
      readonly hold?: Hold;
    }
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Units that move from one place to another within a product; below zero the other way. */
interface Move {
  readonly free?: bigint;
  readonly held?: bigint;
  readonly sold?: bigint;
}

/** Decides one command. */
export function decideStock(command: StockCommand, facts: StockFacts): StockDecision {
  switch (command.kind) {
    case "hold":
      return decideHold(command, facts);
    case "commit":
      return decideCommit(facts);
    case "release":
      return decideRelease(command.id, facts);
    case "expire":
      return decideExpiry(facts);
    case "adjust":
      return decideAdjustment(command, facts);
    default:
      return command satisfies never;
  }
}

function decideHold({ id, lines, expiresAt }: StockCommand & { kind: "hold" }, facts: StockFacts): StockDecision {
  const { hold, levels, priced, now } = facts;
  if (hold) {
    const isStillThere = hold.state.status === "held" || hold.state.status === "committed";
    return isStillThere && holds(hold, lines) ? { kind: "unchanged" } : refused(new HoldEnded(id));
  }
  const prices: Price[] = [];
  for (const line of lines) {
    const pricing = priceAt(line, levels.has(line.productId) ? priced.get(line.productId) : undefined, now);
    if ("refusal" in pricing) return refused(pricing.refusal);
    prices.push(pricing.price);
  }
  const after = moveAll(lines, facts, (quantity) => ({ free: -quantity, held: quantity }));
  if (!after) return refused(new OutOfStock());
  const held = lines.map((line, index): HeldLine => {
    const price = prices[index] as Price;
    return { ...line, quote: { ...price, stock: freeIn(after, line.productId) } satisfies Quote };
  });
  return { kind: "changed", levels: after, hold: { id, lines: held, state: { status: "held", expiresAt } } };
}

function decideCommit(facts: StockFacts): StockDecision {
  const { hold } = facts;
  if (!hold) return refused(new HoldNotFound());
  const { status } = hold.state;
  switch (status) {
    case "committed":
      return { kind: "unchanged" };
    case "released":
      return refused(new HoldEnded(hold.id));
    case "held":
    case "expired": {
      const after = moveAll(hold.lines, facts, (quantity) =>
        status === "held" ? { held: -quantity, sold: quantity } : { free: -quantity, sold: quantity },
      );
      if (!after) return refused(new OutOfStock());
      return { kind: "changed", levels: after, hold: { ...hold, state: { status: "committed" } } };
    }
    default:
      return status satisfies never;
  }
}

function decideRelease(id: string, facts: StockFacts): StockDecision {
  const { hold, now } = facts;
  const state = { status: "released", endedAt: now } as const;
  // What was never held never will be: the id is spent.
  if (!hold) return { kind: "changed", levels: [], hold: { id, lines: [], state } };
  const { status } = hold.state;
  switch (status) {
    case "released":
      return { kind: "unchanged" };
    case "expired":
      return { kind: "changed", levels: [], hold: { ...hold, state } };
    case "held":
      return { kind: "changed", levels: giveBack(hold, facts, "held"), hold: { ...hold, state } };
    case "committed":
      return { kind: "changed", levels: giveBack(hold, facts, "sold"), hold: { ...hold, state } };
    default:
      return status satisfies never;
  }
}

function decideExpiry(facts: StockFacts): StockDecision {
  const { hold, now } = facts;
  if (hold?.state.status !== "held" || hold.state.expiresAt > now) return { kind: "unchanged" };
  const state = { status: "expired", endedAt: now } as const;
  return { kind: "changed", levels: giveBack(hold, facts, "held"), hold: { ...hold, state } };
}

function decideAdjustment(
  { id, productId, delta }: StockCommand & { kind: "adjust" },
  { levels, hold, now }: StockFacts,
): StockDecision {
  // It has been done, and is asked for again because nobody has heard so.
  if (hold) return { kind: "unchanged" };
  const level = levels.get(productId);
  if (!level) return refused(new ProductNotFound());
  const free = level.free + delta;
  if (free < 0n) return refused(new OutOfStock());
  if (delta > 0n && free > mostFree) return refused(new StockLimitExceeded());
  const spent = { id, lines: [], state: { status: "released", endedAt: now } } as const;
  return { kind: "changed", levels: [{ ...level, free }], hold: spent };
}

/** Moves the units of all lines; undefined where there are too few of some product. */
function moveAll(
  lines: readonly HoldLine[],
  { levels }: StockFacts,
  moveOf: (quantity: bigint) => Move,
): StockLevel[] | undefined {
  const after = new Map<bigint, StockLevel>();
  for (const { productId, quantity } of lines) {
    const before = after.get(productId) ?? levels.get(productId);
    if (!before) throw new Error(`The stock of product ${productId} has not been read`);
    after.set(productId, moved(before, moveOf(quantity)));
  }
  const changed = [...after.values()];
  return changed.some(({ free, held, sold }) => free < 0n || held < 0n || sold < 0n) ? undefined : changed;
}

function moved(level: StockLevel, { free = 0n, held = 0n, sold = 0n }: Move): StockLevel {
  return { ...level, free: level.free + free, held: level.held + held, sold: level.sold + sold };
}

/** Makes a hold's units free again. There are always as many: they are this hold's own. */
function giveBack({ id, lines }: Hold, facts: StockFacts, from: "held" | "sold"): StockLevel[] {
  const after = moveAll(lines, facts, (quantity) => ({ free: quantity, [from]: -quantity }));
  if (!after) throw new Error(`Hold ${id} is of more units than are ${from}`);
  return after;
}

function freeIn(levels: readonly StockLevel[], productId: bigint): bigint {
  return levels.find((level) => level.productId === productId)?.free ?? 0n;
}

function refused(refusal: Refusal): StockDecision {
  return { kind: "refused", refusal };
}
