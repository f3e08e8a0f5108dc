import { randomUUID } from "node:crypto";
import { InvalidFields, NotFound } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import type { Askers } from "../askers.ts";
import { type Asker, mayRedeem, relationOf } from "../domain/access.ts";
import { type Card, statusOf } from "../domain/card.ts";
import { GiftCardNotYours } from "../domain/errors.ts";
import type { Guesses } from "../guesses.ts";
import type { Redeem } from "../redeeming.ts";
import type { CardLists } from "../store/card-lists.ts";

/** Which card a request names, by either or both. */
export interface NamedCard {
  readonly id?: bigint | undefined;
  readonly code?: string | undefined;
}

const idIsRequired = "The gift card id field is required where there is no code.";

/** Finds out who asks for which card. */
export class RedeemRequests {
  private readonly cards: CardLists;
  private readonly askers: Askers;
  private readonly guesses: Guesses;

  constructor(cards: CardLists, askers: Askers, guesses: Guesses) {
    this.cards = cards;
    this.askers = askers;
    this.guesses = guesses;
  }

  /**
   * Has whoever calls do something with a card. Where it needs no code, it is tried with what is known of them without
   * asking: that may let them, but never refuses them. Throws InvalidFields where the request names no card.
   */
  async run<T>({ id, code }: NamedCard, call: Call, work: (wanted: Redeem) => Promise<T>): Promise<T> {
    // Without a key it is told from all others all the same: a lane whose commit was lost asks again for what it has done.
    const requestId = call.receipt?.effectId ?? randomUUID();
    if (code !== undefined) return work({ ...(await this.byCode(id, code, call)), requestId });
    if (id === undefined) throw new InvalidFields([{ field: "gift_card_id", description: idIsRequired }]);
    try {
      return await work({ id, asker: this.askers.asKnown(call), requestId });
    } catch (error) {
      if (!isNoneOfTheirs(error)) throw error;
    }
    return work({ id, asker: await this.askers.of(call), requestId });
  }

  /** The card of a code that may be a guess. Throws NotFound. */
  cardOfCode({ searchKeys }: Asker, call: Call): Promise<Card> {
    return this.guesses.guess(call, async () => {
      const card = await this.cards.findByCode(searchKeys);
      if (!card || statusOf(card) === undefined) throw new NotFound("Gift card");
      return card;
    });
  }

  private async byCode(id: bigint | undefined, code: string, call: Call): Promise<Pick<Redeem, "id" | "asker">> {
    if (id !== undefined) return { id, asker: await this.askerWithCode(id, code, call) };
    const asker = this.askers.withCode(call, code);
    return { id: (await this.cardOfCode(asker, call)).id, asker };
  }

  /** Who asks for a card of an id, with a code that may be a guess. Throws NotFound where it is none of their business. */
  private askerWithCode(id: bigint, code: string, call: Call): Promise<Asker> {
    return this.guesses.guess(call, async (patient) => {
      const card = await this.cards.find(id);
      const bearer = this.askers.withCode(call, code);
      // One that is not there takes as long as one that is somebody else's.
      const asker = card && mayRedeem(card, bearer) ? bearer : await this.askers.of(patient, code);
      if (!card || relationOf(card, asker) === "stranger") throw new NotFound("Gift card");
      return asker;
    });
  }
}

/** Whether a card was refused because it is somebody else's, or there is none. */
function isNoneOfTheirs(error: unknown): boolean {
  if (error instanceof GiftCardNotYours) return true;
  return error instanceof NotFound && error.reason === "GIFT_CARD_NOT_FOUND";
}
