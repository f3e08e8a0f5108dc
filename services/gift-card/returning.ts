import { randomUUID } from "node:crypto";
import type { Statement } from "../platform/database/database.ts";
import { isFinalNo } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import type { Instant } from "../platform/time.ts";
import type { CardEvents } from "./card-events.ts";
import type { CardLane } from "./card-lane.ts";
import type { CardMoney } from "./card-money.ts";
import type { Card, ReturnTarget, Step } from "./domain/card.ts";
import { ReturnDelayed } from "./domain/errors.ts";
import { returned, startExpiring, startReturning } from "./domain/steps.ts";

export interface ReturningParts {
  readonly lane: CardLane;
  readonly money: CardMoney;
  readonly events: CardEvents;
}

/** Gives a card's value back to whoever paid for it: it expired, or was cancelled or deleted. */
export class Returning {
  private readonly parts: ReturningParts;

  constructor(parts: ReturningParts) {
    this.parts = parts;
  }

  /**
   * Has a card end; one that the same request has ended before is answered as it is. Rejects with what refuses it, or with
   * ReturnDelayed. `settling` is written with its last step.
   */
  async end(
    id: bigint,
    target: ReturnTarget,
    call: Call,
    settling?: (card: Card) => readonly Statement[],
  ): Promise<Card> {
    return this.finish(await this.begin(id, target, call, settling), target, call, settling);
  }

  /** Has a card begin to end: from then on it does, whoever takes it there. Rejects with what refuses it. */
  begin(id: bigint, target: ReturnTarget, call: Call, settling?: (card: Card) => readonly Statement[]): Promise<Card> {
    const beside = (card: Card) => (settling && card.state === target ? settling(card) : []);
    return this.parts.lane.take({ id, step: this.start(target, call), beside }, call);
  }

  /** The step by which a card begins to end. */
  start(target: ReturnTarget, call: Call): (card: Card, now: Instant) => Step {
    // Without a key it is told from all others all the same: a lane whose commit was lost asks again for what it has done.
    const requestId = call.receipt?.effectId ?? randomUUID();
    return (card, now) => startReturning(card, { target, requestId }, now);
  }

  /** Takes a card that has begun to end to where it should be; one that is there already is answered as it is. */
  async finish(
    card: Card,
    target: ReturnTarget,
    call: Call,
    settling?: (card: Card) => readonly Statement[],
  ): Promise<Card> {
    return card.state === target ? card : this.drive(card, call, settling);
  }

  /** Has a card whose time is over end. */
  async expire(id: bigint, call: Call): Promise<void> {
    const card = await this.parts.lane.take({ id, step: startExpiring });
    if (card.state === "returning") await this.drive(card, call);
  }

  /** Takes a card whose value is on its way back to its end. Rejects with ReturnDelayed where it cannot get there now. */
  async drive(begun: Card, call: Call, settling?: (card: Card) => readonly Statement[]): Promise<Card> {
    await this.giveBack(begun, call);
    return this.parts.lane.take({
      id: begun.id,
      step: returned,
      beside: (card, kind) => [
        ...(kind === "taken" ? this.parts.events.returned(card, call) : []),
        ...(settling ? settling(card) : []),
      ],
    });
  }

  /** A refusal lets go of nothing here: what is owed stays owed, and there is no other way for it to go. */
  private async giveBack(begun: Card, call: Call): Promise<void> {
    try {
      await this.parts.money.move(begun, "return", call);
    } catch (error) {
      throw isFinalNo(error) ? new ReturnDelayed(error) : error;
    }
  }
}
