import type { Database } from "../platform/database/database.ts";
import { FlowLane } from "../platform/flow-lane.ts";
import type { Move, Rest } from "../platform/flow-store.ts";
import type { LaneObserver } from "../platform/lane.ts";
import { BackgroundGone } from "./backgrounds/domain/errors.ts";
import { backgroundsOf, holdBackgrounds } from "./backgrounds/store/backgrounds.ts";
import type { Card } from "./domain/card.ts";
import { countChanges } from "./domain/counters.ts";
import { forgetRequest, isStillRequested } from "./domain/steps.ts";
import { cardOf, insertCards, requireCards, selectCards, selectRequested, updateCards } from "./store/cards.ts";
import type { CardCounters } from "./store/counters.ts";

/** Where cards change, and with them what is counted of them. */
export type CardLane = FlowLane<Card>;

/** Opens a lane; one is enough for a process. */
export function openCardLane(database: Database, counters: CardCounters, observe?: LaneObserver): CardLane {
  return new FlowLane<Card>({
    database,
    observe,
    store: {
      noun: "Gift card",
      select: (ids, lock) => [selectCards(ids, lock)],
      selectRequested,
      itemsOf: ([rows = []]) => rows.map(cardOf),
      isStillRequested,
      forgetRequest,
      write: (changes, begun) => [
        ...updateCards(changes),
        ...(begun.length > 0 ? [insertCards(begun)] : []),
        ...counters.adding(countChanges(changes)),
      ],
      requireUnchanged: requireCards,
      restOf: (moves) => restOn(givenIn(moves), database.dialect),
    },
  });
}

/** Has backgrounds stay that cards are given, until that is committed. Objects to those that are gone already. */
function restOn(given: readonly bigint[], dialect: Database["dialect"]): Rest<Card> | undefined {
  if (given.length === 0) return undefined;
  return {
    look: holdBackgrounds(dialect, given),
    objection: (rows) => {
      const held = backgroundsOf(rows);
      if (given.every((id) => held.has(id))) return undefined;
      return (...move) => {
        const one = givenBy(...move);
        if (one !== undefined && !held.has(one)) throw new BackgroundGone();
      };
    },
  };
}

/** The backgrounds that moves give cards, each once, in the order that everybody locks them. */
function givenIn(moves: readonly Move<Card>[]): bigint[] {
  const given = new Set(moves.flatMap((move) => givenBy(...move) ?? []));
  return [...given].sort((a, b) => (a < b ? -1 : 1));
}

/** The background that a card has from now on, and had not before. */
function givenBy(...[before, { backgroundImageId }]: Move<Card>): bigint | undefined {
  return backgroundImageId === before?.backgroundImageId ? undefined : backgroundImageId;
}
