import type { Database, Row, Session, Statement } from "./database/database.ts";
import { isMissingValue } from "./database/failures.ts";
import { joinAlike } from "./database/joined-statements.ts";
import type { FlowStep } from "./flow-step.ts";
import { KeyClaims } from "./key-claims.ts";
import { Lane, type LaneObserver, type Outcome } from "./lane.ts";
import { RecentlyUsed } from "./recently-used.ts";
import { NotFound, Refusal } from "./refusal.ts";
import type { Call } from "./rpc/call.ts";
import { type Instant, now } from "./time.ts";

/** What a flow across services is about: begun once for the request that asks for it, then taken from step to step. */
export interface FlowItem {
  readonly id: bigint;
  /** What asked for it; undefined where nothing can ask again. */
  readonly requestId: string | undefined;
  /** When somebody is to see to it; undefined where it is at rest. */
  readonly dueAt: Instant | undefined;
}

/** What is to be written beside a step, in the same transaction. */
export type Beside<Item> = (after: Item, step: FlowStep<Item>["kind"]) => readonly Statement[];

/** A step for an item that is there to take. */
export interface Stepping<Item> {
  readonly id: bigint;
  /** Throws a Refusal where the item cannot take it. */
  readonly step: (item: Item, now: Instant) => FlowStep<Item>;
  readonly beside?: Beside<Item> | undefined;
  /** Whether an item is there for whoever asks; every one is where unset. */
  readonly isThere?: (item: Item) => boolean;
  /** What it is called where it is not there, if not as usual. */
  readonly noun?: string;
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

export interface FlowLaneParts<Item> {
  readonly database: Database;
  readonly store: FlowStore<Item>;
  readonly observe?: LaneObserver | undefined;
}

/** An item to be begun; one that the same request has begun before is taken instead, as long as that means it. */
interface Beginning<Item> {
  readonly begin: Item;
}

type Command<Item> = (Beginning<Item> | Stepping<Item>) & Pick<Call, "receipt">;

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
    const known = this.recall(commands);
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
        await database.commit(batch.statements());
        this.remember(batch);
        return outcomes;
      }
    }
    const { batch, outcomes } = await database.batch(load, async (rows, session) => {
      const first = decide(rows);
      const objection = await this.findObjection(first.batch.moves, session);
      const result = objection ? decide(rows, objection) : first;
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

/** What a transaction rests on. */
interface Found<Item> {
  /** Remembered: whether they are still so is found out when it is written. */
  readonly known: ReadonlyMap<bigint, Item>;
  /** Read and locked, as is what follows. */
  readonly items: readonly Item[];
  readonly requested: readonly Item[];
  readonly receipts: readonly Row[];
}

/** The steps of one transaction, decided in turn: each sees what those before it did. */
class FlowBatch<Item extends FlowItem> {
  /** All that was done, in turn. */
  readonly moves: Move<Item>[] = [];
  private readonly store: FlowStore<Item>;
  private readonly objection: Objection<Item> | undefined;
  private readonly known: readonly Item[];
  private readonly before: ReadonlyMap<bigint, Item>;
  private readonly present: Map<bigint, Item>;
  private readonly requested: Map<string, Item>;
  private readonly whole: Set<bigint>;
  private readonly begun: Item[] = [];
  private readonly changed = new Set<bigint>();
  private readonly beside: Statement[] = [];
  private readonly keys: KeyClaims;
  private readonly now = now();

  constructor(store: FlowStore<Item>, { known, items, requested, receipts }: Found<Item>, objection?: Objection<Item>) {
    this.store = store;
    this.objection = objection;
    this.known = [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.before = new Map([...requested, ...items, ...this.known].map((item) => [item.id, item]));
    this.present = new Map(this.before);
    this.requested = new Map(requested.map((item) => [item.requestId ?? "", item]));
    this.whole = new Set([...items, ...this.known].map(({ id }) => id));
    this.keys = new KeyClaims(receipts);
  }

  /**
   * As they are once it is committed: undefined where not all of it is known, since what is found by a request is not read
   * with all.
   */
  get left(): readonly (readonly [id: bigint, item: Item | undefined])[] {
    return Array.from(this.present, ([id, item]) => [id, this.whole.has(id) ? item : undefined] as const);
  }

  decideAll(commands: readonly Command<Item>[]): Outcome<Item>[] {
    return commands.map((command) => this.decide(command));
  }

  statements(): Statement[] {
    const changes = Array.from(this.changed, (id): Change<Item> => [itemOf(this.before, id), itemOf(this.present, id)]);
    return [
      ...(this.known.length > 0 ? [this.store.requireUnchanged(this.known)] : []),
      ...this.store.write(changes, this.begun),
      ...this.keys.statements,
      ...joinAlike(this.beside),
    ];
  }

  private decide(command: Command<Item>): Outcome<Item> {
    try {
      const decide = () => ("begin" in command ? this.begin(command) : this.step(command));
      return { answer: this.keys.under(command.receipt, decide) };
    } catch (error) {
      if (error instanceof Refusal) return { refusal: error };
      throw error;
    }
  }

  private begin({ begin }: Beginning<Item>): Item {
    const { id, requestId } = begin;
    const begun = this.present.get(id);
    if (begun) return begun;
    const requested = requestId === undefined ? undefined : this.requested.get(requestId);
    if (requested && this.store.isStillRequested(requested, this.now)) return requested;
    this.make(undefined, begin);
    if (requested) this.change(this.store.forgetRequest(itemOf(this.present, requested.id)));
    if (requestId !== undefined) this.requested.set(requestId, begin);
    this.begun.push(begin);
    this.present.set(id, begin);
    this.whole.add(id);
    return begin;
  }

  private step({ id, isThere, noun = this.store.noun, step, beside }: Stepping<Item>): Item {
    const item = this.present.get(id);
    if (!item || isThere?.(item) === false) throw new NotFound(noun);
    const { kind, after } = step(item, this.now);
    this.make(item, after);
    const additions = beside?.(after, kind) ?? [];
    if (kind === "taken") this.change(after);
    this.beside.push(...additions);
    return after;
  }

  private make(...move: Move<Item>): void {
    this.objection?.(...move);
    this.moves.push(move);
  }

  private change(item: Item): void {
    this.present.set(item.id, item);
    this.changed.add(item.id);
  }
}

function itemOf<Item>(items: ReadonlyMap<bigint, Item>, id: bigint): Item {
  const item = items.get(id);
  if (!item) throw new Error(`${id} is not in the batch`);
  return item;
}
