import type { AdminGiftCardService } from "../../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import { NotFound } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import type { Handlers } from "../../platform/rpc/handler.ts";
import type { Askers } from "../askers.ts";
import type { CardChange } from "../card-change.ts";
import { type Asker, maySeeCode } from "../domain/access.ts";
import { type Card, statusOf } from "../domain/card.ts";
import type { Guesses } from "../guesses.ts";
import type { Making, WantedCard } from "../making.ts";
import type { Returning } from "../returning.ts";
import type { CardLists } from "../store/card-lists.ts";
import type { CardCounters } from "../store/counters.ts";
import { readCountedPage } from "./card-pages.ts";
import type { CardShapes, View } from "./card-shapes.ts";
import { type ChangeRequests, nameOf } from "./change-request.ts";
import { readGiftType, readMethod, readStatus } from "./codes.ts";
import { CardReading, type NewCardRequest, type NewCards } from "./new-card.ts";
import { settling } from "./settling.ts";

type IssueRequest = NewCardRequest & { readonly userId?: bigint | undefined; readonly notes?: string | undefined };

export interface AdminCardParts {
  readonly database: Database;
  readonly cards: CardLists;
  readonly counters: CardCounters;
  readonly askers: Askers;
  readonly guesses: Guesses;
  readonly shapes: CardShapes;
  readonly newCards: NewCards;
  readonly changeRequests: ChangeRequests;
  readonly making: Making;
  readonly cardChange: CardChange;
  readonly returning: Returning;
}

type CardHandlers = Pick<
  Handlers<typeof AdminGiftCardService>,
  "listAllGiftCards" | "issueGiftCard" | "getAnyGiftCard" | "getAnyGiftCardByCode" | "updateGiftCard" | "deleteGiftCard"
>;

/** Single gift cards, and the list of all, for those who run the house. */
export function handleCards(parts: AdminCardParts): CardHandlers {
  const { database, cards, counters, askers, guesses, shapes, newCards, changeRequests, making } = parts;

  const present = async (id: bigint): Promise<Card> => {
    const card = await cards.find(id);
    if (!card || statusOf(card) === undefined) throw new NotFound("Gift card");
    return card;
  };

  const wantedCard = async (request: IssueRequest, call: Call): Promise<WantedCard> => {
    const reading = new CardReading();
    const userId = request.userId ?? call.caller.userId;
    const name = (await nameOf(userId, askers, call, reading)) ?? "";
    return {
      ...(await newCards.read(request, call, reading)),
      requestId: call.receipt?.effectId,
      batchId: undefined,
      sender: { id: userId, name },
      payerId: undefined,
      notes: request.notes === "" ? undefined : request.notes,
    };
  };

  return {
    async listAllGiftCards(request, call) {
      const filter = {
        status: readStatus(request.status),
        giftType: readGiftType(request.giftType),
        method: readMethod(request.redemptionMethod),
      };
      const asker = await askers.of(call);
      const { rows, pageInfo } = await readCountedPage(cards, counters, { kind: "all" }, filter, request);
      const show = await shapes.prepare(rows, call);
      return { giftCards: rows.map((card) => show(card, adminView(card, asker))), pageInfo };
    },

    async issueGiftCard(request, call) {
      const wanted = (await making.begunBefore(call)) ?? (await wantedCard(request, call));
      const show = await shapes.prepare([{ ...wanted, order: undefined }], call);
      // Whoever has just made a card is its maker, in whosever name.
      const answer = (card: Card) => ({ giftCard: show(card, { code: true, notes: true }) });
      return answer(await making.make(wanted, call, (card) => settling(call, () => answer(card))));
    },

    async getAnyGiftCard({ giftCardId }, call) {
      const [card, asker] = await Promise.all([present(giftCardId), askers.of(call)]);
      return { giftCard: (await shapes.prepare([card], call))(card, adminView(card, asker)) };
    },

    async getAnyGiftCardByCode({ code }, call) {
      const asker = askers.withCode(call, code);
      const card = await guesses.guess(call, async () => {
        const found = await cards.findByCode(asker.searchKeys);
        if (!found || statusOf(found) === undefined) throw new NotFound("Gift card");
        return found;
      });
      const answer = { giftCard: (await shapes.prepare([card], call))(card, adminView(card, asker)) };
      // By POST it may carry an idempotency key, though it has no effect.
      return call.receipt ? database.transaction((tx) => settle(tx, call, answer)) : answer;
    },

    async updateGiftCard(request, call) {
      const [card, asker] = await Promise.all([present(request.giftCardId), askers.of(call)]);
      const wanted = await changeRequests.read(request, card, call);
      const show = await shapes.prepare([{ ...card, ...wanted.amendment.looks }], call);
      // Nobody comes by a code by making a card their own.
      const maySee = maySeeCode(card, asker);
      const answer = (changed: Card) => ({
        giftCard: show(changed, { code: maySee && maySeeCode(changed, asker), notes: true }),
      });
      return answer(
        await parts.cardChange.change(card, wanted, call, (changed) => settling(call, () => answer(changed))),
      );
    },

    async deleteGiftCard({ giftCardId }, call) {
      await parts.returning.end(giftCardId, "deleted", call, () => settling(call, () => ({})));
      return {};
    },
  };
}

function adminView(card: Card, asker: Asker): View {
  return { code: maySeeCode(card, asker), notes: true };
}
