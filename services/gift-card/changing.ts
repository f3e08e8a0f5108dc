import type { Beside } from "../platform/flow-batch.ts";
import { isFinalNo, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import type { CardLane } from "./card-lane.ts";
import type { CardMoney } from "./card-money.ts";
import type { Card, Step } from "./domain/card.ts";
import { asItIs, changed, followedBy, startChanging, stepBackFromChanging } from "./domain/steps.ts";
import { isVoided } from "./neighbours.ts";

/** What is done with a card at once when it is worth what it should be, in the same step. */
export interface Following {
  readonly step: (card: Card) => Step;
  readonly beside: Beside<Card>;
}

/** Changes what a card is worth: the difference is moved from or to whoever paid for it. */
export class Changing {
  private readonly lane: CardLane;
  private readonly money: CardMoney;

  constructor(lane: CardLane, money: CardMoney) {
    this.lane = lane;
    this.money = money;
  }

  /** Has a card be worth so much, in minor units. Rejects with what refuses it, once nothing of it is left. */
  async change(id: bigint, newAmount: bigint, call: Call, following: Following): Promise<Card> {
    const begun = await this.lane.take({ id, step: (card, now) => startChanging(card, newAmount, now) }, call);
    return begun.state === "changing" ? this.drive(begun, call, following) : this.lane.take({ id, ...following });
  }

  /** Takes an attempt to its end. */
  async drive(begun: Card, call: Call, following?: Following): Promise<Card> {
    const { id, attempt } = begun;
    try {
      await this.money.move(begun, "change", call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      if (!(await this.money.void(begun, "change", call))) {
        await this.lane.take({ id, step: (card, now) => stepBackFromChanging(card, attempt, now) });
        throw isVoided(error) ? new Unavailable() : error;
      }
    }
    return this.lane.take({
      id,
      step: (card, now) => followedBy(changed(card, attempt, now), following?.step ?? asItIs, now),
      beside: following?.beside,
    });
  }
}
