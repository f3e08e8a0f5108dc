import type { Database, Row, Session } from "./database/database.ts";
import { isMissingValue } from "./database/failures.ts";
import { type Command, FlowBatch, type Found, type Stepping } from "./flow-batch.ts";
import type { FlowItem, FlowStore, Move, Objection } from "./flow-store.ts";
import { KeyClaims } from "./key-claims.ts";
import { Lane, type LaneObserver, type Outcome } from "./lane.ts";
import { RecentlyUsed } from "./recently-used.ts";
import type { Call } from "./rpc/call.ts";

export interface FlowLaneParts<Item> {
  readonly database: Database;
  readonly store: FlowStore<Item>;
  readonly observe?: LaneObserver | undefined;
}

/** How many items are written together. */
const limits = { batch: 128, waiting: 20_000 };

/** How many items under way are remembered, an even number. */
const mostRemembered = 8_192;

/**
 * Where the items of a flow change. Steps that are asked for at the same time are decided in turn and committed together; an
 * item is locked while its step is decided, so that of two replicas one comes second.
 *
 * Where reading is a round trip, an item under way is remembered as this process has left it. Its next step is decided by
 * that, and committed if the item is still so; if not, it is read like any other.
 */
export class FlowLane<Item extends FlowItem> {
  private readonly database: Database;
  private readonly store: FlowStore<Item>;
  private readonly lane: Lane<Command<Item>, Item>;
  private readonly remembered = new RecentlyUsed<bigint, Item>(mostRemembered);
  /** Those that were to be committed before, of which nobody may have heard that they are. */
  private readonly tried = new WeakSet<Command<Item>>();

  constructor({ database, store, observe }: FlowLaneParts<Item>) {
    this.database = database;
    this.store = store;
    this.lane = new Lane((commands, { forUpdate }) => this.commit(commands, forUpdate), { limits, observe, database });
  }

  /** Begins an item, or answers the one that the same request has begun. Claims the idempotency key of the call. */
  begin(item: Item, call?: Call): Promise<Item> {
    return this.lane.submit({ begin: item, receipt: call?.receipt }, call?.deadline);
  }

  /**
   * Has an item take a step; answers it as it is then. Rejects with what refuses it, or NotFound. A call is given with the
   * first step that is taken for it: that claims its idempotency key, and is waited for no longer than the call is.
   */
  take(stepping: Stepping<Item>, call?: Call): Promise<Item> {
    return this.lane.submit({ ...stepping, receipt: call?.receipt }, call?.deadline);
  }

  private async commit(commands: readonly Command<Item>[], forUpdate: string): Promise<Outcome<Item>[]> {
    // What waits for nobody is read: what is remembered is locked by a statement that waits.
    const known = forUpdate === this.database.forUpdate ? this.recall(commands) : new Map();
    if (known.size === 0) return this.commitBy(commands, known, forUpdate);
    try {
      return await this.commitBy(commands, known, forUpdate);
    } catch (error) {
      if (!isMissingValue(error)) throw error;
      return this.commitBy(commands, new Map(), forUpdate);
    }
  }

  /** Commits steps of items that are known, and of others. */
  private async commitBy(
    commands: readonly Command<Item>[],
    known: ReadonlyMap<bigint, Item>,
    forUpdate: string,
  ): Promise<Outcome<Item>[]> {
    const { store, database } = this;
    const requestIds = [...new Set(commands.flatMap((one) => ("begin" in one ? (one.begin.requestId ?? []) : [])))];
    const ids = this.toBeRead(commands, known);
    const receipts = commands.map(({ receipt }) => receipt);
    const required = known.size > 0 ? [store.requireUnchanged([...known.values()])] : [];
    const selects = ids.length > 0 ? store.select(ids, forUpdate) : [];
    const load = [
      ...selects,
      ...(requestIds.length > 0 ? [store.selectRequested(requestIds, forUpdate)] : []),
      ...KeyClaims.load(receipts, forUpdate),
    ];
    const decide = (rows: readonly Row[][], objection?: Objection<Item>) => {
      const rest = rows.slice(selects.length);
      const found: Found<Item> = {
        known,
        items: selects.length > 0 ? store.itemsOf(rows.slice(0, selects.length)) : [],
        requested: requestIds.length > 0 ? store.itemsOf([rest.shift() ?? []]) : [],
        receipts: rest.shift() ?? [],
      };
      const batch = new FlowBatch(store, found, objection);
      return { batch, outcomes: batch.decideAll(commands) };
    };

    if (load.length === 0) {
      const { batch, outcomes } = decide([]);
      if (!store.restOf?.(batch.moves)) {
        await database.commit([...required, ...batch.statements()]);
        this.remember(batch);
        return outcomes;
      }
    }
    const { batch, outcomes } = await database.batch([...required, ...load], async (rows, session) => {
      const found = rows.slice(required.length);
      const first = decide(found);
      const objection = await this.findObjection(first.batch.moves, session);
      const result = objection ? decide(found, objection) : first;
      return { save: result.batch.statements(), result };
    });
    this.remember(batch);
    return outcomes;
  }

  private async findObjection(moves: readonly Move<Item>[], session: Session): Promise<Objection<Item> | undefined> {
    const rest = this.store.restOf?.(moves);
    if (!rest) return undefined;
    const [rows = []] = await session.run([rest.look]);
    return rest.objection(rows);
  }

  /** Those that are not known, but for the ones that are begun only now. */
  private toBeRead(commands: readonly Command<Item>[], known: ReadonlyMap<bigint, Item>): bigint[] {
    const ids = commands.flatMap((one) => {
      if (!("begin" in one)) return known.has(one.id) ? [] : [one.id];
      const isTried = this.tried.has(one);
      this.tried.add(one);
      return isTried ? [one.begin.id] : [];
    });
    return [...new Set(ids)].sort((a, b) => (a < b ? -1 : 1));
  }

  /** What is remembered of these, and from now on is not: what becomes of it is not known until it is committed. */
  private recall(commands: readonly Command<Item>[]): ReadonlyMap<bigint, Item> {
    const known = new Map<bigint, Item>();
    for (const command of commands) {
      if ("begin" in command) continue;
      const item = this.remembered.get(command.id);
      if (!item) continue;
      known.set(command.id, item);
      this.remembered.delete(command.id);
    }
    return known;
  }

  private remember({ left }: FlowBatch<Item>): void {
    if (!this.database.commitsAside) return;
    for (const [id, item] of left) {
      if (item?.dueAt !== undefined) this.remembered.set(id, item);
      else this.remembered.delete(id);
    }
  }
}
