import type { Transfer } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import { isFinalNo, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import type { CardEvents } from "./card-events.ts";
import type { CardLane } from "./card-lane.ts";
import { type CardMoney, transactionOf } from "./card-money.ts";
import { type Asker, checkMayRedeem } from "./domain/access.ts";
import type { Card } from "./domain/card.ts";
import { isBy, redeemed, startRedeeming, stepBackFromRedeeming } from "./domain/steps.ts";
import { isVoided } from "./neighbours.ts";

/** A card, and the transfer that has put its value into a wallet. */
export interface Redemption {
  readonly card: Card;
  readonly transfer: Transfer;
}

/** What is written with the last step of a request: its answer. Made ready once it is known which card it is about. */
export type Answering<Answer> = (begun: Card) => Promise<(answer: Answer) => readonly Statement[]>;

/** Who redeems which card, and what keeps the outcome. */
export interface Redeem {
  readonly id: bigint;
  readonly asker: Asker;
  /** Undefined where the request gave no key. */
  readonly requestId: string | undefined;
}

export interface RedeemingParts {
  readonly lane: CardLane;
  readonly money: CardMoney;
  readonly events: CardEvents;
}

/**
 * Puts a card's value into a wallet. The card is locked to one attempt, whose transfer has an id of its own: it goes
 * through, however often it is asked for, or is had made never before the card is let go.
 */
export class Redeeming {
  private readonly parts: RedeemingParts;

  constructor(parts: RedeemingParts) {
    this.parts = parts;
  }

  /** Redeems a card to the asker's wallet. Rejects with what refuses it, once nothing of it is left. */
  async redeem({ id, asker, requestId }: Redeem, call: Call, answering: Answering<Redemption>): Promise<Redemption> {
    const by = { userId: asker.userId, requestId };
    const begun = await this.parts.lane.take(
      {
        id,
        step: (card, now) => {
          // Whose card it is may have changed since it was redeemed.
          if (!isBy(card, by)) checkMayRedeem(card, asker);
          return startRedeeming(card, "wallet", by, now);
        },
      },
      call,
    );
    const settling = await answering(begun);
    return this.drive(begun, call, settling);
  }

  /** Takes an attempt to its end. Rejects with what refuses it, once the card has been let go. */
  async drive(
    begun: Card,
    call: Call,
    settling?: (redemption: Redemption) => readonly Statement[],
  ): Promise<Redemption> {
    const transfer = await this.move(begun, call);
    const { id, attempt } = begun;
    const card = await this.parts.lane.take({
      id,
      step: (present, now) => redeemed(present, attempt, transactionOf(transfer), now),
      beside: (present, kind) => [
        ...(kind === "taken" ? this.parts.events.redeemed(present, call) : []),
        ...(settling ? settling({ card: present, transfer }) : []),
      ],
    });
    return { card, transfer };
  }

  private async move(begun: Card, call: Call): Promise<Transfer> {
    const { money, lane } = this.parts;
    try {
      return await money.move(begun, "redeem", call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      const transfer = await money.void(begun, "redeem", call);
      if (transfer) return transfer;
      const { id, attempt } = begun;
      await lane.take({ id, step: (present, now) => stepBackFromRedeeming(present, attempt, now) });
      // Where somebody else has stepped back meanwhile, why is not known here.
      throw isVoided(error) ? new Unavailable() : error;
    }
  }
}
