import { GiftCardSide, UserGiftCardService } from "../../../gen/giftmesh/giftcard/v1/user_gift_card_service_pb.ts";
import { OrderStatus } from "../../../gen/giftmesh/payment/v1/order_pb.ts";
import type { Transfer } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { settle } from "../../platform/idempotency.ts";
import { formatAmount } from "../../platform/money.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { NotFound } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import type { Askers } from "../askers.ts";
import type { CardImages } from "../card-images.ts";
import { isOneOfTheirs } from "../domain/access.ts";
import { type Card, statusOf } from "../domain/card.ts";
import type { FacetFilter } from "../domain/facets.ts";
import type { Guesses } from "../guesses.ts";
import type { Making, WantedCard } from "../making.ts";
import type { CardAndOrder, Ordering } from "../ordering.ts";
import type { Answering, Redeeming, Redemption } from "../redeeming.ts";
import { type CardLists, cardKey, type Scope } from "../store/card-lists.ts";
import { type CardShapes, ownView, type ShowCard } from "./card-shapes.ts";
import { readGiftType, readStatus } from "./codes.ts";
import type { NewCardRequest, NewCards } from "./new-card.ts";
import { optionsShape } from "./options.ts";
import { RedeemRequests } from "./redeem-requests.ts";
import { settling } from "./settling.ts";

type ListRequest = Parameters<typeof readPaging>[0] & {
  readonly status?: Parameters<typeof readStatus>[0];
  readonly giftType?: Parameters<typeof readGiftType>[0];
};

export interface UserCardParts {
  readonly database: Database;
  readonly cards: CardLists;
  readonly askers: Askers;
  readonly guesses: Guesses;
  readonly shapes: CardShapes;
  readonly images: CardImages;
  readonly newCards: NewCards;
  readonly making: Making;
  readonly redeeming: Redeeming;
  readonly ordering: Ordering;
  readonly defaultCurrency: string;
}

/** Gift cards of those who give them and of those who get them. */
export function serveUserCards(parts: UserCardParts): Served {
  const requests = new RedeemRequests(parts.cards, parts.askers, parts.guesses);
  const { database, cards, askers, shapes, images, newCards, making, redeeming, ordering } = parts;

  const list = async (request: ListRequest, side: "sent" | "received" | "all", call: Call) => {
    const paging = readPaging(request);
    const { userId, emails, numbers } = await askers.of(call);
    const scope: Scope = { kind: "member", userId, emails, numbers, side };
    const filter: FacetFilter = { status: readStatus(request.status), giftType: readGiftType(request.giftType) };
    const { rows, pageInfo } = pageOf(paging, {
      rows: await cards.list(scope, filter, paging),
      keyOf: cardKey,
      total: paging.kind === "page" ? await cards.count(scope, filter) : undefined,
    });
    const show = await shapes.prepare(rows, call);
    return { giftCards: rows.map((card) => show(card, ownView)), pageInfo };
  };

  const wantedCard = async (request: NewCardRequest, call: Call): Promise<WantedCard> => {
    const [{ userId, name }, requested] = await Promise.all([askers.of(call), newCards.read(request, call)]);
    return {
      ...requested,
      requestId: call.receipt?.effectId,
      batchId: undefined,
      sender: { id: userId, name },
      payerId: userId,
      notes: undefined,
    };
  };

  /** Runs a flow that ends in an answer; what goes with the card is found as soon as it is known which. */
  const answering = async <Outcome, Answer extends object>(
    call: Call,
    run: (answering: Answering<Outcome>) => Promise<Outcome>,
    answer: (outcome: Outcome, show: ShowCard) => Answer,
    orderStatus?: OrderStatus,
  ): Promise<Answer> => {
    let show: ShowCard = neverShown;
    const outcome = await run(async (begun) => {
      show = await shapes.prepare([begun], call, orderStatus);
      return (outcome) => settling(call, () => answer(outcome, show));
    });
    return answer(outcome, show);
  };

  return serve(UserGiftCardService, {
    async getGiftCardOptions() {
      return { options: await optionsShape(images, parts.defaultCurrency) };
    },

    listGiftCards: (request, call) => list(request, "all", call),

    listMyGiftCards: ({ type, ...request }, call) => list(request, sideOf(type), call),

    async createGiftCard(request, call) {
      const wanted = (await making.begunBefore(call)) ?? (await wantedCard(request, call));
      const show = await shapes.prepare([{ ...wanted, order: undefined }], call);
      const answer = (card: Card) => ({ giftCard: show(card, ownView) });
      return answer(await making.make(wanted, call, (card) => settling(call, () => answer(card))));
    },

    async getGiftCard({ giftCardId }, call) {
      const card = await cards.find(giftCardId);
      // What is known without asking may let them, but never refuses them.
      const isTheirs =
        card && (isOneOfTheirs(card, askers.asKnown(call)) || isOneOfTheirs(card, await askers.of(call)));
      if (!isTheirs || statusOf(card) === undefined) throw new NotFound("Gift card");
      return { giftCard: (await shapes.prepare([card], call))(card, ownView) };
    },

    async getGiftCardByCode({ code }, call) {
      const card = await requests.cardOfCode(askers.withCode(call, code), call);
      const answer = { giftCard: (await shapes.prepare([card], call))(card, ownView) };
      // By POST it may carry an idempotency key, though it has no effect.
      return call.receipt ? database.transaction((tx) => settle(tx, call, answer)) : answer;
    },

    redeemGiftCardToWallet: ({ giftCardId: id, code }, call) =>
      requests.run({ id, code }, call, (wanted) =>
        answering(
          call,
          (answering: Answering<Redemption>) => redeeming.redeem(wanted, call, answering),
          ({ card }: Redemption, show) => ({ giftCard: show(card, ownView) }),
        ),
      ),

    redeemGiftCard: ({ giftCardId: id, code }, call) =>
      requests.run({ id, code }, call, (wanted) =>
        answering(
          call,
          (answering: Answering<Redemption>) => redeeming.redeem(wanted, call, answering),
          ({ card, transfer }: Redemption, show) => ({ giftCard: show(card, ownView), wallet: walletShape(transfer) }),
        ),
      ),

    createOrderFromGiftCard: ({ giftCardId: id, code }, call) =>
      requests.run({ id, code }, call, (wanted) =>
        answering(
          call,
          (answering: Answering<CardAndOrder>) => ordering.order(wanted, call, answering),
          ({ card, order }: CardAndOrder, show) => ({ giftCard: show(card, ownView), order }),
        ),
      ),

    cancelOrderAndRedeemToWallet: ({ giftCardId: id }, call) =>
      requests.run({ id }, call, (wanted) =>
        answering(
          call,
          (answering: Answering<Card>) => ordering.cancel(wanted, call, answering),
          (card: Card, show) => ({ giftCard: show(card, ownView) }),
          OrderStatus.CANCELLED,
        ),
      ),
  });
}

function sideOf(type: GiftCardSide | undefined): "sent" | "received" | "all" {
  switch (type) {
    case GiftCardSide.SENT:
      return "sent";
    case GiftCardSide.RECEIVED:
      return "received";
    default:
      return "all";
  }
}

/** The wallet that a transfer went to, right after it. */
function walletShape({ creditWallet }: Transfer) {
  const { id = 0n, balance } = creditWallet ?? {};
  if (!balance) throw new Error("The ledger has answered without the wallet");
  const { currencyCode: currency, minorUnits } = balance;
  return { id, balance: formatAmount(minorUnits, currency), currency };
}

function neverShown(): never {
  throw new Error("A flow has answered without a card");
}
