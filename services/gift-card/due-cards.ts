import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { RecentlyUsed } from "../platform/recently-used.ts";
import { isFinalNo } from "../platform/refusal.ts";
import { Call } from "../platform/rpc/call.ts";
import type { Worker } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import type { Changing } from "./changing.ts";
import type { Card } from "./domain/card.ts";
import { ReturnDelayed } from "./domain/errors.ts";
import { pauseOfReturning } from "./domain/steps.ts";
import type { Making } from "./making.ts";
import type { Ordering } from "./ordering.ts";
import type { Redeeming } from "./redeeming.ts";
import type { Returning } from "./returning.ts";
import type { CardLists } from "./store/card-lists.ts";

/** How many cards are seen to at a time, and how many times in one run. */
const atOnce = 200;
const mostRounds = 25;

/** How long one that cannot be seen to waits, in microseconds. */
const postponement = 1_000_000n;

/** Of how many cards it is remembered that an operator has been told of them. */
const mostReported = 20_000;

export interface DueCardsParts {
  readonly cards: CardLists;
  readonly making: Making;
  readonly redeeming: Redeeming;
  readonly ordering: Ordering;
  readonly changing: Changing;
  readonly returning: Returning;
  readonly log: Logger;
}

/**
 * Sees to cards that are due: those whose time is over expire, and those whose driver is gone come to an end. It may take
 * a slow driver for a dead one: whoever comes second finds done what it meant to do.
 */
export class DueCards {
  private readonly parts: DueCardsParts;
  private readonly reported = new RecentlyUsed<bigint, true>(mostReported);

  constructor(parts: DueCardsParts) {
    this.parts = parts;
  }

  get worker(): Worker {
    return { name: "see-to-due-cards", everyMs: 250, alone: false, run: (signal) => this.seeToAll(signal) };
  }

  /** Sees to those that are due now. */
  async seeToAll(signal: AbortSignal): Promise<void> {
    for (let round = 1; round <= mostRounds; round++) {
      const due = await this.parts.cards.due(now(), atOnce);
      await Promise.all(due.map((card) => this.seeToOne(card)));
      if (due.length < atOnce || signal.aborted) return;
    }
  }

  private async seeToOne(card: Card): Promise<void> {
    const { cards, log } = this.parts;
    try {
      await this.seeTo(card, new Call({ requestId: randomUUID() }));
    } catch (error) {
      const about = { err: error, cardId: card.id, state: card.state };
      if (error instanceof ReturnDelayed) return this.delay(card, error);
      // A refusal is an end: nothing of what was refused is left.
      if (isFinalNo(error)) log.info(about, "a card was let go");
      else log.warn(about, "a card could not be seen to and waits");
      await cards.postpone(card, now() + postponement);
    }
  }

  /** Value that goes back is owed until it is there: it is tried for ever, ever less often, and an operator told once. */
  private async delay(card: Card, { cause }: ReturnDelayed): Promise<void> {
    const { cards, log } = this.parts;
    if (!this.reported.get(card.id)) {
      this.reported.set(card.id, true);
      const about = {
        err: cause,
        cardId: card.id,
        payerId: card.payerId,
        amount: card.amount,
        currency: card.currency,
      };
      log.error(about, "a card's value cannot go back to whoever paid for it, and waits until it can");
    }
    const at = now();
    // One that was active has only just begun to go back: it is tried again before it waits.
    if (card.state === "returning") await cards.postpone(card, at + pauseOfReturning(card, at));
  }

  private async seeTo(card: Card, call: Call): Promise<unknown> {
    const { cards, making, redeeming, ordering, changing, returning } = this.parts;
    switch (card.state) {
      case "making":
        return making.settle(card, call);
      case "active":
        return returning.expire(card.id, call);
      case "redeeming":
        return redeeming.drive(card, call);
      case "ordering":
        return ordering.drive(card, call);
      case "unordering":
        return ordering.driveBack(card, call);
      case "changing":
        return changing.drive(card, call);
      case "returning":
        return returning.drive(card, call);
      case "failed":
        return cards.forgetFailed(card.id);
      case "used":
      case "expired":
      case "cancelled":
      case "deleted":
        return undefined;
      default:
        return card.state satisfies never;
    }
  }
}
