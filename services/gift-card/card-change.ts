import type { Statement } from "../platform/database/database.ts";
import type { Beside } from "../platform/flow-batch.ts";
import type { Call } from "../platform/rpc/call.ts";
import { type Instant, now } from "../platform/time.ts";
import type { CardCodes } from "./card-codes.ts";
import type { CardLane } from "./card-lane.ts";
import type { Changing } from "./changing.ts";
import { type Amendment, amend, endingFor } from "./domain/amending.ts";
import { type Card, type CardStatus, type Step, statusOf } from "./domain/card.ts";
import { letterOfReaddressed } from "./domain/letter.ts";
import { changed, followedBy, startChanging } from "./domain/steps.ts";
import type { Letters } from "./letters.ts";
import type { Returning } from "./returning.ts";

/** What an admin wants of a card. */
export interface WantedChange {
  readonly amendment: Amendment;
  /** Minor units; as it is where undefined. */
  readonly amount: bigint | undefined;
  /** As it is where undefined. */
  readonly status: CardStatus | undefined;
}

export interface CardChangeParts {
  readonly lane: CardLane;
  readonly changing: Changing;
  readonly returning: Returning;
  readonly letters: Pick<Letters, "readdressed">;
  readonly codes: Pick<CardCodes, "newCode" | "seal">;
}

/**
 * Changes a card as an admin wants it: what it is worth, then what is written on it and what becomes of it, in one step. Each
 * is as it is where it is so already, so that whoever asks again after a failure gets what is missing.
 */
export class CardChange {
  private readonly parts: CardChangeParts;

  constructor(parts: CardChangeParts) {
    this.parts = parts;
  }

  /** Rejects with what refuses it, before anything is changed where that is known. `settling` is written with the last step. */
  async change(
    card: Card,
    { amendment, amount, status }: WantedChange,
    call: Call,
    settling: (card: Card) => readonly Statement[],
  ): Promise<Card> {
    const { lane, changing, returning, letters } = this.parts;
    const { id } = card;
    const at = now();
    const begun = amount === undefined ? card : startChanging(card, amount, at).after;
    const amended = amend(changed(begun, begun.attempt, at).after, amendment, at);
    const ending = endingFor(card, status, at);
    const start = ending && returning.start(ending, call);
    const end = (step: Step, instant: Instant) =>
      start ? followedBy(step, (present) => start(present, instant), instant) : step;
    // Whatever refuses it is told before anything is changed.
    end(amended, at);
    let before = card;
    const write = (present: Card, instant: Instant) => {
      before = present;
      return end(this.recode(present, amend(present, amendment, instant)), instant);
    };
    const beside: Beside<Card> = (after, kind) => [
      ...(kind === "taken" ? letters.readdressed(before, after) : []),
      ...(ending === undefined || after.state === ending ? settling(after) : []),
    ];
    // A time that runs out while its worth changes had not when that was asked for.
    const written =
      amount !== undefined && begun.state === "changing"
        ? await changing.change(id, amount, call, { step: (present) => write(present, at), beside })
        : await lane.take({ id, step: write, beside }, call);
    return ending === undefined ? written : returning.finish(written, ending, call, settling);
  }

  /** Gives a card that goes to another address a new code: whoever had the first address has the code that it had. */
  private recode(before: Card, step: Step): Step {
    if (statusOf(before) !== "active" || !letterOfReaddressed(before, step.after)) return step;
    const { codes } = this.parts;
    return { ...step, after: { ...step.after, code: codes.seal(before.id, codes.newCode()) } };
  }
}
