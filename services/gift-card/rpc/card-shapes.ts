import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GiftCardSchema } from "../../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { OrderStatus } from "../../../gen/giftmesh/payment/v1/order_pb.ts";
import { Direction, TransactionStatus } from "../../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { Refusal } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Instant, now, toTimestamp } from "../../platform/time.ts";
import type { CardCodes } from "../card-codes.ts";
import type { CardImage, CardImages } from "../card-images.ts";
import { type Card, type CardStatus, statusAt } from "../domain/card.ts";
import type { Neighbours } from "../neighbours.ts";
import { giftTypeCodes, giftTypeLabels, methodCodes, statusCodes, statusLabels } from "./codes.ts";

type CardInit = MessageInitShape<typeof GiftCardSchema>;

/** What somebody sees of a card that not all see. */
export interface View {
  /** The whole code, and not only its end. */
  readonly code: boolean;
  /** What admins keep in mind. */
  readonly notes: boolean;
}

export const maskedView: View = { code: false, notes: false };
export const ownView: View = { code: true, notes: false };

/** Shows a card, once what goes with it has been found. */
export type ShowCard = (card: Card, view: View) => CardInit;

/** What of a card is found elsewhere. */
type Adorned = Pick<Card, "backgroundImageId" | "order">;

export interface CardShapeParts {
  readonly codes: Pick<CardCodes, "open">;
  readonly images: Pick<CardImages, "find">;
  readonly orders: Neighbours["orders"];
}

/** How cards look to clients. */
export class CardShapes {
  private readonly parts: CardShapeParts;

  constructor(parts: CardShapeParts) {
    this.parts = parts;
  }

  /** Finds what goes with some cards: their pictures and, unless it is known, what has become of their orders. */
  async prepare(cards: readonly Adorned[], call: Call, known?: OrderStatus): Promise<ShowCard> {
    const ordered = known === undefined ? cards : [];
    const [images, orders] = await Promise.all([this.imagesOf(cards), this.orderStatusesOf(ordered, call)]);
    const at = now();
    return (card, view) => {
      const image = card.backgroundImageId === undefined ? undefined : images.get(card.backgroundImageId);
      const orderStatus = known ?? orders.get(card.order?.id ?? 0n) ?? OrderStatus.PENDING;
      const code = view.code ? this.parts.codes.open(card.id, card.code) : mask(card.code.last4);
      return cardShape(card, { at, code, image, orderStatus, notes: view.notes });
    };
  }

  private async imagesOf(cards: readonly Adorned[]): Promise<ReadonlyMap<bigint, CardImage>> {
    const ids = new Set(cards.flatMap(({ backgroundImageId }) => backgroundImageId ?? []));
    return ids.size === 0 ? new Map() : this.parts.images.find([...ids]);
  }

  /** By order; where payment does not answer, nothing is known of them. */
  private async orderStatusesOf(cards: readonly Adorned[], call: Call): Promise<ReadonlyMap<bigint, OrderStatus>> {
    const orderIds = cards.flatMap(({ order }) => order?.id ?? []);
    if (orderIds.length === 0) return new Map();
    try {
      const { orders } = await this.parts.orders.listGiftCardOrders({ orderIds }, call);
      return new Map(orders.map(({ id, status }) => [id, status]));
    } catch (error) {
      if (error instanceof Refusal) return new Map();
      throw error;
    }
  }
}

interface Found {
  readonly at: Instant;
  readonly code: string;
  readonly image: CardImage | undefined;
  readonly orderStatus: OrderStatus;
  readonly notes: boolean;
}

function cardShape(card: Card, { at, code, image, orderStatus, notes }: Found): CardInit {
  const { id, giftType, amount, currency, recipient, sender, goods, transaction, order } = card;
  const status = shownStatus(card, at);
  return {
    id,
    code,
    codeLast4: card.code.last4,
    giftType: giftTypeCodes[giftType],
    giftTypeLabel: giftTypeLabels[giftType],
    amount: formatAmount(amount, currency),
    currency,
    ...set({
      backgroundColor: card.backgroundColor,
      backgroundImage: image,
      message: card.message,
      recipientName: recipient.name,
      recipientEmail: recipient.email,
      recipientNumber: recipient.number,
    }),
    sender: { id: sender.id, name: sender.name },
    ...set({ vendorId: goods?.vendorId, productId: goods?.productId, offerId: goods?.offerId }),
    status: statusCodes[status],
    statusLabel: statusLabels[status],
    redemptionMethod: methodCodes[card.method],
    ...(transaction && {
      walletTransaction: {
        id: transaction.id,
        amount: formatAmount(transaction.amount, currency),
        currency,
        type: Direction.CREDIT,
        status: TransactionStatus.COMPLETED,
        createdAt: toTimestamp(transaction.at),
      },
    }),
    ...(order && {
      order: {
        id: order.id,
        status: orderStatus,
        totalAmount: formatAmount(goods?.price ?? 0n, currency),
        currency,
        createdAt: toTimestamp(order.placedAt),
      },
    }),
    ...instant("redeemedAt", card.redeemedAt),
    ...instant("expiresAt", card.expiresAt),
    createdAt: toTimestamp(card.createdAt),
    updatedAt: toTimestamp(card.updatedAt),
    ...(notes && { notes: card.notes ?? "" }),
  };
}

/** One that has been deleted since, or is not made yet, is shown as it was, or will be. */
function shownStatus(card: Card, at: Instant): CardStatus {
  return statusAt(card, at) ?? (card.redeemedAt === undefined ? "active" : "used");
}

/** A code of which only the end is to be seen. */
function mask(last4: string): string {
  return last4.padStart(18, "*");
}

function instant<Name extends string>(name: Name, value: Instant | undefined) {
  return value === undefined ? {} : { [name]: toTimestamp(value) };
}

/** To a message, what is undefined is not set. */
function set<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return fields as never;
}
