import type { Row, Statement } from "./database/database.ts";
import { joinInserts } from "./database/joined-inserts.ts";
import type { FlowStep } from "./flow-step.ts";
import type { Change, FlowItem, FlowStore, Move, Objection } from "./flow-store.ts";
import { KeyClaims } from "./key-claims.ts";
import type { Outcome } from "./lane.ts";
import { NotFound, Refusal } from "./refusal.ts";
import type { Call } from "./rpc/call.ts";
import { type Instant, now } from "./time.ts";

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

/** An item to be begun; one that the same request has begun before is taken instead, as long as that means it. */
interface Beginning<Item> {
  readonly begin: Item;
}

/** What a lane is asked for, and under which key. */
export type Command<Item> = (Beginning<Item> | Stepping<Item>) & Pick<Call, "receipt">;

/** What a transaction rests on. */
export interface Found<Item> {
  /** Remembered: the transaction requires them to be still so. */
  readonly known: ReadonlyMap<bigint, Item>;
  /** Read and locked, as is what follows. */
  readonly items: readonly Item[];
  readonly requested: readonly Item[];
  readonly receipts: readonly Row[];
}

/** The steps of one transaction, decided in turn: each sees what those before it did. */
export class FlowBatch<Item extends FlowItem> {
  /** All that was done, in turn. */
  readonly moves: Move<Item>[] = [];
  private readonly store: FlowStore<Item>;
  private readonly objection: Objection<Item> | undefined;
  private readonly before: ReadonlyMap<bigint, Item>;
  private readonly present: Map<bigint, Item>;
  private readonly requested: Map<string, Item>;
  private readonly whole: ReadonlySet<bigint>;
  private readonly begun: Item[] = [];
  private readonly changed = new Set<bigint>();
  private readonly beside: Statement[] = [];
  private readonly keys: KeyClaims;
  private readonly now = now();

  constructor(store: FlowStore<Item>, { known, items, requested, receipts }: Found<Item>, objection?: Objection<Item>) {
    this.store = store;
    this.objection = objection;
    this.before = new Map([...requested, ...items, ...known.values()].map((item) => [item.id, item]));
    this.present = new Map(this.before);
    this.requested = new Map(requested.map((item) => [item.requestId ?? "", item]));
    this.whole = new Set([...items, ...known.values()].map(({ id }) => id));
    this.keys = new KeyClaims(receipts);
  }

  /**
   * As they are once it is committed: undefined where not all of it is known, since what is found by a request is not read
   * with all.
   */
  get left(): readonly (readonly [id: bigint, item: Item | undefined])[] {
    const found = Array.from(this.present, ([id, item]) => [id, this.whole.has(id) ? item : undefined] as const);
    return [...found, ...this.begun.map((item) => [item.id, item] as const)];
  }

  decideAll(commands: readonly Command<Item>[]): Outcome<Item>[] {
    return commands.map((command) => this.decide(command));
  }

  statements(): Statement[] {
    const changes = Array.from(this.changed, (id): Change<Item> => [itemOf(this.before, id), itemOf(this.present, id)]);
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
    const begun = this.present.get(id);
    if (begun) return begun;
    const requested = requestId === undefined ? undefined : this.requested.get(requestId);
    if (requested && this.store.isStillRequested(requested, this.now)) return requested;
    this.make(undefined, begin);
    if (requested) this.change(this.store.forgetRequest(itemOf(this.present, requested.id)));
    if (requestId !== undefined) this.requested.set(requestId, begin);
    this.begun.push(begin);
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
