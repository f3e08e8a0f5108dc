import type { Database, Row, Session, Statement } from "../platform/database/database.ts";
import { joinInserts } from "../platform/database/joined-inserts.ts";
import { KeyClaims } from "../platform/key-claims.ts";
import { type Circumstances, Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import { NotFound, Refusal } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { type Instant, now } from "../platform/time.ts";
import { BackgroundGone } from "./backgrounds/domain/errors.ts";
import { backgroundsOf, holdBackgrounds } from "./backgrounds/store/backgrounds.ts";
import type { Card, Step } from "./domain/card.ts";
import { countChanges } from "./domain/counters.ts";
import { forgetRequest, isStillRequested } from "./domain/steps.ts";
import { cardOf, insertCards, selectCards, selectRequested, updateCards } from "./store/cards.ts";
import type { CardCounters } from "./store/counters.ts";

/** What is to be written beside a card's step, in the same transaction. */
export type Beside = (card: Card, step: Step["kind"]) => readonly Statement[];

/** A card to be begun; one that the same request has begun before is taken instead, as long as that means it. */
interface Beginning {
  readonly begin: Card;
}

/** A step for a card that is there to take. */
interface Stepping {
  readonly id: bigint;
  /** Throws a Refusal where the card cannot take it. */
  readonly step: (card: Card, now: Instant) => Step;
  readonly beside?: Beside | undefined;
}

type Command = (Beginning | Stepping) & Pick<Call, "receipt">;

/** How many cards are written together. */
const limits = { batch: 128, waiting: 20_000 };

/**
 * Where cards change. Steps that are asked for at the same time are decided in turn and committed together, with what they
 * change of the counters; a card is locked while its step is decided, so that of two replicas one comes second.
 */
export class CardLane {
  private readonly database: Database;
  private readonly counters: CardCounters;
  private readonly lane: Lane<Command, Card>;

  constructor(database: Database, counters: CardCounters, observe?: LaneObserver) {
    this.database = database;
    this.counters = counters;
    const commit = (commands: readonly Command[], { forUpdate }: Circumstances) => this.commit(commands, forUpdate);
    this.lane = new Lane(commit, { limits, observe, database });
  }

  /** Begins a card, or answers the one that the same request has begun. Claims the idempotency key of the call. */
  begin(card: Card, call?: Call): Promise<Card> {
    return this.lane.submit({ begin: card, receipt: call?.receipt }, call?.deadline);
  }

  /**
   * Has a card take a step; answers it as it is then. Rejects with what refuses it, or NotFound. A call is given with the
   * first step that is taken for it: that claims its idempotency key, and is waited for no longer than the call is.
   */
  take(stepping: Stepping, call?: Call): Promise<Card> {
    return this.lane.submit({ ...stepping, receipt: call?.receipt }, call?.deadline);
  }

  private commit(commands: readonly Command[], forUpdate: string): Promise<Outcome<Card>[]> {
    const requestIds = [...new Set(commands.flatMap((one) => ("begin" in one ? (one.begin.requestId ?? []) : [])))];
    // Those to be begun too: a commit of which nobody heard has begun them.
    const ids = [...new Set(commands.map((one) => ("begin" in one ? one.begin.id : one.id)))].sort((a, b) =>
      a < b ? -1 : 1,
    );
    const load = [
      selectCards(ids, forUpdate),
      ...(requestIds.length > 0 ? [selectRequested(requestIds, forUpdate)] : []),
      ...KeyClaims.load(
        commands.map(({ receipt }) => receipt),
        forUpdate,
      ),
    ];
    return this.database.batch(load, async (rows, session) => {
      const [stepped = [], ...rest] = rows;
      const requested: Row[] = requestIds.length > 0 ? (rest.shift() ?? []) : [];
      const receipts: Row[] = rest.shift() ?? [];
      const decide = (gone: ReadonlySet<bigint>) => {
        const keys = new KeyClaims(receipts);
        const batch = new CardBatch(stepped.map(cardOf), requested.map(cardOf), { gone, keys });
        return { batch, outcomes: commands.map((command) => batch.decide(command)) };
      };
      const decided = decide(new Set());
      const gone = await this.holdBackgrounds(session, decided.batch.givenBackgrounds);
      const { batch, outcomes } = gone.size === 0 ? decided : decide(gone);
      return { save: batch.statements(this.counters), result: outcomes };
    });
  }

  /** Has backgrounds stay that cards are given, until that is committed. Answers those that are gone already. */
  private async holdBackgrounds(session: Session, ids: readonly bigint[]): Promise<ReadonlySet<bigint>> {
    if (ids.length === 0) return new Set();
    const [rows = []] = await session.run([holdBackgrounds(this.database.dialect, ids)]);
    const held = backgroundsOf(rows);
    return new Set(ids.filter((id) => !held.has(id)));
  }
}

/** The steps of one transaction, decided in turn: each sees what those before it did. */
class CardBatch {
  private readonly before: ReadonlyMap<bigint, Card>;
  private readonly cards: Map<bigint, Card>;
  private readonly requested: Map<string, Card>;
  private readonly begun: Card[] = [];
  private readonly changed = new Set<bigint>();
  private readonly beside: Statement[] = [];
  private readonly given = new Set<bigint>();
  private readonly gone: ReadonlySet<bigint>;
  private readonly keys: KeyClaims;
  private readonly now = now();

  /** Backgrounds that are gone cannot be given to cards any more. */
  constructor(
    cards: readonly Card[],
    requested: readonly Card[],
    { gone, keys }: { readonly gone: ReadonlySet<bigint>; readonly keys: KeyClaims },
  ) {
    this.gone = gone;
    this.keys = keys;
    this.before = new Map([...requested, ...cards].map((card) => [card.id, card]));
    this.cards = new Map(this.before);
    this.requested = new Map(requested.map((card) => [card.requestId ?? "", card]));
  }

  decide(command: Command): Outcome<Card> {
    try {
      const decide = () => ("begin" in command ? this.begin(command) : this.step(command));
      return { answer: this.keys.under(command.receipt, decide) };
    } catch (error) {
      if (error instanceof Refusal) return { refusal: error };
      throw error;
    }
  }

  /** Backgrounds that cards have now and had not before, in order. */
  get givenBackgrounds(): readonly bigint[] {
    return [...this.given].sort((a, b) => (a < b ? -1 : 1));
  }

  statements(counters: CardCounters): Statement[] {
    const changes = Array.from(this.changed, (id) => [known(this.before, id), known(this.cards, id)] as const);
    return [
      // First, so that a request that is forgotten can begin another.
      ...updateCards(changes),
      ...(this.begun.length > 0 ? [insertCards(this.begun)] : []),
      ...counters.adding(countChanges(changes)),
      ...this.keys.statements,
      ...joinInserts(this.beside),
    ];
  }

  private begin({ begin }: Beginning): Card {
    const { id, requestId } = begin;
    const begun = this.cards.get(id);
    if (begun) return begun;
    const requested = requestId === undefined ? undefined : this.requested.get(requestId);
    if (requested && isStillRequested(requested, this.now)) return requested;
    this.give(begin.backgroundImageId);
    if (requested) this.write(forgetRequest(known(this.cards, requested.id)));
    if (requestId !== undefined) this.requested.set(requestId, begin);
    this.begun.push(begin);
    return begin;
  }

  private step({ id, step, beside }: Stepping): Card {
    const card = this.cards.get(id);
    if (!card) throw new NotFound("Gift card");
    const taken = step(card, this.now);
    if (taken.card.backgroundImageId !== card.backgroundImageId) this.give(taken.card.backgroundImageId);
    const additions = beside?.(taken.card, taken.kind) ?? [];
    if (taken.kind === "taken") this.write(taken.card);
    this.beside.push(...additions);
    return taken.card;
  }

  private write(card: Card): void {
    this.cards.set(card.id, card);
    this.changed.add(card.id);
  }

  private give(backgroundId: bigint | undefined): void {
    if (backgroundId === undefined) return;
    if (this.gone.has(backgroundId)) throw new BackgroundGone();
    this.given.add(backgroundId);
  }
}

function known(cards: ReadonlyMap<bigint, Card>, id: bigint): Card {
  const card = cards.get(id);
  if (!card) throw new Error(`Card ${id} is not in the batch`);
  return card;
}
