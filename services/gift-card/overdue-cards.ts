import { Gauge, type Registry } from "prom-client";
import { now } from "../platform/time.ts";
import { flowStates } from "./domain/card.ts";
import { longestPause } from "./domain/steps.ts";
import type { CardLists } from "./store/card-lists.ts";

/** After how long a card that is still under way is one for an operator to look into, in microseconds. */
const overdueAfter = 60_000_000n;

/** Shows how many cards are under way for more than a minute: those whose value cannot go back are `returning`. */
export function showOverdueCards(registry: Registry, cards: CardLists): void {
  new Gauge({
    name: "giftmesh_gift_cards_overdue",
    help: "Gift cards that are on their way for more than a minute.",
    labelNames: ["state"],
    registers: [registry],
    async collect() {
      this.reset();
      const at = now();
      // What cannot be found out now is not shown; everything else is.
      const found = await cards.countUnderWay(at - overdueAfter, at + longestPause).catch(() => undefined);
      for (const state of found ? flowStates : []) this.set({ state }, found?.get(state) ?? 0);
    },
  });
}
