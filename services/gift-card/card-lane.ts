import type { Database, Session } from "../platform/database/database.ts";
import { FlowLane, type Move, type Objection } from "../platform/flow-lane.ts";
import type { LaneObserver } from "../platform/lane.ts";
import { BackgroundGone } from "./backgrounds/domain/errors.ts";
import { backgroundsOf, holdBackgrounds } from "./backgrounds/store/backgrounds.ts";
import type { Card } from "./domain/card.ts";
import { countChanges } from "./domain/counters.ts";
import { forgetRequest, isStillRequested } from "./domain/steps.ts";
import { cardOf, insertCards, selectCards, selectRequested, updateCards } from "./store/cards.ts";
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
      findObjection: (moves, session) => holdGiven(moves, session, database.dialect),
    },
  });
}

/** Has backgrounds stay that cards are given, until that is committed. Objects to those that are gone already. */
async function holdGiven(
  moves: readonly Move<Card>[],
  session: Session,
  dialect: Database["dialect"],
): Promise<Objection<Card> | undefined> {
  const ids = [...new Set(moves.flatMap((move) => givenIn(...move) ?? []))].sort((a, b) => (a < b ? -1 : 1));
  if (ids.length === 0) return undefined;
  const [rows = []] = await session.run([holdBackgrounds(dialect, ids)]);
  const held = backgroundsOf(rows);
  if (ids.every((id) => held.has(id))) return undefined;
  return (...move) => {
    const given = givenIn(...move);
    if (given !== undefined && !held.has(given)) throw new BackgroundGone();
  };
}

/** The background that a card has from now on, and had not before. */
function givenIn(...[before, { backgroundImageId }]: Move<Card>): bigint | undefined {
  return backgroundImageId === before?.backgroundImageId ? undefined : backgroundImageId;
}
