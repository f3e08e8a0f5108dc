import type { Statement } from "../platform/database/database.ts";
import type { Call } from "../platform/rpc/call.ts";
import { now } from "../platform/time.ts";
import type { CardLane } from "./card-lane.ts";
import type { Changing } from "./changing.ts";
import type { CodeKeys } from "./code-keys.ts";
import { type Amendment, amend, endingFor } from "./domain/amending.ts";
import { type Card, type CardStatus, type Step, statusOf } from "./domain/card.ts";
import { letterOfReaddressed } from "./domain/letter.ts";
import { startChanging } from "./domain/steps.ts";
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
  readonly keys: Pick<CodeKeys, "newCode" | "seal">;
}

/**
 * Changes a card as an admin wants it: what it is worth, then what is written on it, then what becomes of it. Each is as it
 * is where it is so already, so that whoever asks again after a failure gets what is missing.
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
    amend(card, amendment, at);
    const ending = endingFor(card, status, at);
    if (amount !== undefined && (amount !== card.amount || card.state === "changing")) {
      startChanging(card, amount, at);
      await changing.change(id, amount, call);
    }
    let before = card;
    const amended = await lane.take(
      {
        id,
        step: (present, now) => {
          before = present;
          return this.recode(present, amend(present, amendment, now));
        },
        beside: (after, kind) => [
          ...(kind === "taken" ? letters.readdressed(before, after) : []),
          ...(ending === undefined ? settling(after) : []),
        ],
      },
      call.deadline,
    );
    return ending === undefined ? amended : returning.end(id, ending, call, settling);
  }

  /** Gives a card that goes to another address a new code: whoever had the first address has the code that it had. */
  private recode(before: Card, step: Step): Step {
    if (statusOf(before) !== "active" || !letterOfReaddressed(before, step.card)) return step;
    const { keys } = this.parts;
    return { ...step, card: { ...step.card, code: keys.seal(before.id, keys.newCode()) } };
  }
}
