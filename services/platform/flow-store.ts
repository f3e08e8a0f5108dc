import type { Row, Statement } from "./database/database.ts";
import type { Instant } from "./time.ts";

/** What a flow across services is about: begun once for the request that asks for it, then taken from step to step. */
export interface FlowItem {
  readonly id: bigint;
  /** What asked for it; undefined where nothing can ask again. */
  readonly requestId: string | undefined;
  /** When somebody is to see to it; undefined where it is at rest. */
  readonly dueAt: Instant | undefined;
}

/** An item as a step finds it, or undefined where it is begun, and as it leaves it. */
export type Move<Item> = readonly [before: Item | undefined, after: Item];

/** An item that was there before the transaction, and as it is after it. */
export type Change<Item> = readonly [before: Item, after: Item];

/** Throws the Refusal of a move that cannot be made. */
export type Objection<Item> = (...move: Move<Item>) => void;

/** What moves rest on beside their items. */
export interface Rest<Item> {
  /** Looks at it, and locks it. */
  readonly look: Statement;
  /** Objects to some of the moves, or to none. */
  objection(rows: readonly Row[]): Objection<Item> | undefined;
}

/** How items are kept. */
export interface FlowStore<Item> {
  /** What an item is called where it is not there. */
  readonly noun: string;
  /** Reads items with all that belongs to them, and locks them. */
  select(ids: readonly bigint[], lock: string): Statement[];
  /** Reads the items that requests have begun, and locks them. */
  selectRequested(requestIds: readonly string[], lock: string): Statement;
  /** The items of rows, as either of these has read them. */
  itemsOf(rows: readonly Row[][]): Item[];
  /** Whether the request that began it, should it come again, means this item. */
  isStillRequested(item: Item, now: Instant): boolean;
  /** The request that began it begins others from now on. */
  forgetRequest(item: Item): Item;
  /** Writes what has changed, and then what was begun: a request that is forgotten can begin another. */
  write(changes: readonly Change<Item>[], begun: readonly Item[]): Statement[];
  /** Locks items. Fails for want of a value where one that is under way is not there, or not as it is here. */
  requireUnchanged(items: readonly Item[]): Statement;
  /** What these moves rest on beside the items, if on anything. Where that objects to some, all are decided anew. */
  restOf?(moves: readonly Move<Item>[]): Rest<Item> | undefined;
}
