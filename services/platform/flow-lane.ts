import type { Database, Row, Session, Statement } from "./database/database.ts";
import { joinInserts } from "./database/joined-inserts.ts";
import type { FlowStep } from "./flow-step.ts";
import { KeyClaims } from "./key-claims.ts";
import { Lane, type LaneObserver, type Outcome } from "./lane.ts";
import { NotFound, Refusal } from "./refusal.ts";
import type { Call } from "./rpc/call.ts";
import { type Instant, now } from "./time.ts";

/** What a flow across services is about: begun once for the request that asks for it, then taken from step to step. */
export interface FlowItem {
  readonly id: bigint;
  /** What asked for it; undefined where nothing can ask again. */
  readonly requestId: string | undefined;
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
  /** Looks, and locks, what these moves rest on beside the items. Where it objects to some, all are decided anew. */
  findObjection?(moves: readonly Move<Item>[], session: Session): Promise<Objection<Item> | undefined>;
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

/**
 * Where the items of a flow change. Steps that are asked for at the same time are decided in turn and committed together; an
 * item is locked while its step is decided, so that of two replicas one comes second.
 */
export class FlowLane<Item extends FlowItem> {
  private readonly database: Database;
  private readonly store: FlowStore<Item>;
  private readonly lane: Lane<Command<Item>, Item>;

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

  private commit(commands: readonly Command<Item>[], forUpdate: string): Promise<Outcome<Item>[]> {
    const { store } = this;
    const requestIds = [...new Set(commands.flatMap((one) => ("begin" in one ? (one.begin.requestId ?? []) : [])))];
    // Those to be begun too: a commit of which nobody heard has begun them.
    const ids = [...new Set(commands.map((one) => ("begin" in one ? one.begin.id : one.id)))].sort((a, b) =>
      a < b ? -1 : 1,
    );
    const receipts = commands.map(({ receipt }) => receipt);
    const selects = store.select(ids, forUpdate);
    const load = [
      ...selects,
      ...(requestIds.length > 0 ? [store.selectRequested(requestIds, forUpdate)] : []),
      ...KeyClaims.load(receipts, forUpdate),
    ];
    return this.database.batch(load, async (rows, session) => {
      const rest = rows.slice(selects.length);
      const found: Found<Item> = {
        items: store.itemsOf(rows.slice(0, selects.length)),
        requested: requestIds.length > 0 ? store.itemsOf([rest.shift() ?? []]) : [],
        receipts: rest.shift() ?? [],
      };
      const batch = new FlowBatch(store, found);
      const outcomes = batch.decideAll(commands);
      const objection = await store.findObjection?.(batch.moves, session);
      if (!objection) return { save: batch.statements(), result: outcomes };
      const other = new FlowBatch(store, found, objection);
      const otherOutcomes = other.decideAll(commands);
      return { save: other.statements(), result: otherOutcomes };
    });
  }
}

/** What a transaction has read and locked. */
interface Found<Item> {
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
  private readonly before: ReadonlyMap<bigint, Item>;
  private readonly items: Map<bigint, Item>;
  private readonly requested: Map<string, Item>;
  private readonly begun: Item[] = [];
  private readonly changed = new Set<bigint>();
  private readonly beside: Statement[] = [];
  private readonly keys: KeyClaims;
  private readonly now = now();

  constructor(store: FlowStore<Item>, { items, requested, receipts }: Found<Item>, objection?: Objection<Item>) {
    this.store = store;
    this.objection = objection;
    this.before = new Map([...requested, ...items].map((item) => [item.id, item]));
    this.items = new Map(this.before);
    this.requested = new Map(requested.map((item) => [item.requestId ?? "", item]));
    this.keys = new KeyClaims(receipts);
  }

  decideAll(commands: readonly Command<Item>[]): Outcome<Item>[] {
    return commands.map((command) => this.decide(command));
  }

  statements(): Statement[] {
    const changes = Array.from(this.changed, (id): Change<Item> => [known(this.before, id), known(this.items, id)]);
    return [...this.store.write(changes, this.begun), ...this.keys.statements, ...joinInserts(this.beside)];
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
    const begun = this.items.get(id);
    if (begun) return begun;
    const requested = requestId === undefined ? undefined : this.requested.get(requestId);
    if (requested && this.store.isStillRequested(requested, this.now)) return requested;
    this.make(undefined, begin);
    if (requested) this.change(this.store.forgetRequest(known(this.items, requested.id)));
    if (requestId !== undefined) this.requested.set(requestId, begin);
    this.begun.push(begin);
    return begin;
  }

  private step({ id, isThere, noun = this.store.noun, step, beside }: Stepping<Item>): Item {
    const item = this.items.get(id);
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
    this.items.set(item.id, item);
    this.changed.add(item.id);
  }
}

function known<Item>(items: ReadonlyMap<bigint, Item>, id: bigint): Item {
  const item = items.get(id);
  if (!item) throw new Error(`${id} is not in the batch`);
  return item;
}
