import type { Statement } from "../platform/database/database.ts";
import type { IdSequence } from "../platform/ids.ts";
import { isFinalNo, NotFound, Unavailable } from "../platform/refusal.ts";
import type { Call } from "../platform/rpc/call.ts";
import { now } from "../platform/time.ts";
import type { CardCodes } from "./card-codes.ts";
import type { CardEvents } from "./card-events.ts";
import type { CardLane } from "./card-lane.ts";
import type { CardMoney } from "./card-money.ts";
import { type Card, statusOf } from "./domain/card.ts";
import { asItIs, type Beginning, begin, made, unmade } from "./domain/steps.ts";
import { isVoided } from "./neighbours.ts";
import type { CardLists } from "./store/card-lists.ts";

/** What card to make: all of it but what is given to it here. */
export type WantedCard = Omit<Beginning, "id" | "code">;

export interface MakingParts {
  readonly cards: Pick<CardLists, "findRequested">;
  readonly lane: CardLane;
  readonly ids: IdSequence;
  readonly codes: Pick<CardCodes, "newCode" | "seal">;
  readonly money: CardMoney;
  readonly events: CardEvents;
}

/** Makes cards: each is begun, paid, and only then there to be seen. */
export class Making {
  private readonly parts: MakingParts;

  constructor(parts: MakingParts) {
    this.parts = parts;
  }

  /**
   * The card that an earlier run of the request has begun, and told nobody of: it is what is wanted, though it might not be
   * asked for any more. Undefined where there is none.
   */
  async begunBefore({ receipt }: Call): Promise<Card | undefined> {
    return receipt?.claimedBefore ? this.parts.cards.findRequested(receipt.effectId) : undefined;
  }

  /**
   * Makes a card, or answers the one that the same request has made before. Rejects with what refuses to pay it, once it is
   * known that nobody has, and with NotFound where it has been deleted since. `settling` is written with its last step.
   */
  async make(wanted: WantedCard, call: Call, settling: (card: Card) => readonly Statement[]): Promise<Card> {
    const card = await this.makeOnce(wanted, call, settling);
    if (statusOf(card) === undefined) throw new NotFound("Gift card");
    return card;
  }

  /** The same, but that a card that has been deleted since is answered, too: it was made. */
  async makeOnce(wanted: WantedCard, call: Call, settling: (card: Card) => readonly Statement[]): Promise<Card> {
    const { lane, ids, codes } = this.parts;
    const id = await ids.take();
    const code = codes.seal(id, codes.newCode());
    const begun = await lane.begin(begin({ ...wanted, id, code }, now()), call);
    const card = await this.drive(begun, call, settling);
    if (card.state === "making" || card.state === "failed") throw new Unavailable();
    return card;
  }

  /** Pays a card that was begun. */
  private async drive(begun: Card, call: Call, settling: (card: Card) => readonly Statement[]): Promise<Card> {
    if (begun.state !== "making") {
      const beside = (card: Card) => (statusOf(card) === undefined ? [] : settling(card));
      return this.parts.lane.take({ id: begun.id, step: asItIs, beside });
    }
    try {
      await this.parts.money.move(begun, "buy", call);
    } catch (error) {
      if (!isFinalNo(error)) throw error;
      if (!(await this.parts.money.void(begun, "buy", call))) {
        await this.parts.lane.take({ id: begun.id, step: unmade });
        // Whoever saw to it meanwhile took this process for dead.
        throw isVoided(error) ? new Unavailable() : error;
      }
    }
    return this.finish(begun, call, settling);
  }

  /** Finds out what became of a card whose driver is gone: it is paid, and made, or never will be. */
  async settle(card: Card, call: Call): Promise<Card> {
    if (await this.parts.money.void(card, "buy", call)) return this.finish(card, call);
    return this.parts.lane.take({ id: card.id, step: unmade });
  }

  private finish({ id }: Card, call: Call, settling?: (card: Card) => readonly Statement[]): Promise<Card> {
    return this.parts.lane.take({
      id,
      step: made,
      beside: (card, kind) => [
        ...(kind === "taken" ? this.parts.events.created(card, call) : []),
        ...(settling && statusOf(card) !== undefined ? settling(card) : []),
      ],
    });
  }
}
