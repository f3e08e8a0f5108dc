import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { CountryCode } from "libphonenumber-js";
import type { Quote } from "../../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { GiftType } from "../../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { FieldReading } from "../../platform/field-reading.ts";
import { formatAmount, isCurrency } from "../../platform/money.ts";
import { readPhoneNumber } from "../../platform/phone-number.ts";
import { Refusal } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Instant, now, toInstant } from "../../platform/time.ts";
import type { CardImages } from "../card-images.ts";
import type { Card, Goods } from "../domain/card.ts";
import type { Neighbours } from "../neighbours.ts";

/** What requests that make cards have in common. */
export interface NewCardRequest {
  readonly giftType: GiftType;
  readonly amount?: string | undefined;
  readonly currency?: string | undefined;
  readonly backgroundColor?: string | undefined;
  readonly backgroundImageId?: bigint | undefined;
  readonly message?: string | undefined;
  readonly recipientName?: string | undefined;
  readonly recipientEmail?: string | undefined;
  readonly recipientNumber?: string | undefined;
  readonly expiresAt?: Timestamp | undefined;
  readonly vendorId?: bigint | undefined;
  readonly productId?: bigint | undefined;
  readonly offerId?: bigint | undefined;
}

/** What such a request says of the card. */
export type RequestedCard = Pick<
  Card,
  | "giftType"
  | "currency"
  | "amount"
  | "goods"
  | "recipient"
  | "backgroundColor"
  | "backgroundImageId"
  | "message"
  | "expiresAt"
>;

export interface NewCardParts {
  readonly images: Pick<CardImages, "findActive">;
  readonly stock: Neighbours["stock"];
  readonly defaultCurrency: string;
  readonly defaultPhoneRegion: CountryCode;
}

/** Reads what card is to be made, and says what no rule of the proto can: for that, others are asked. */
export class NewCards {
  private readonly parts: NewCardParts;

  constructor(parts: NewCardParts) {
    this.parts = parts;
  }

  /** Throws InvalidFields, with what was found to be wrong before. */
  async read(request: NewCardRequest, call: Call, reading = new CardReading()): Promise<RequestedCard> {
    const giftType = request.giftType === GiftType.ORDER ? "order" : "wallet";
    const expiresAt = reading.expiry(request.expiresAt, now());
    const number = reading.number(request.recipientNumber, this.parts.defaultPhoneRegion);
    if (!(await this.isThere(request.backgroundImageId))) reading.refuse("background_image_id", "is not active");
    const worth =
      giftType === "order" ? await this.readOrder(request, call, reading) : this.readWallet(request, reading);
    return {
      giftType,
      ...reading.checked(worth),
      recipient: { name: request.recipientName, email: request.recipientEmail?.toLowerCase(), number },
      backgroundColor: request.backgroundColor,
      backgroundImageId: request.backgroundImageId,
      message: request.message,
      expiresAt,
    };
  }

  private async isThere(imageId: bigint | undefined): Promise<boolean> {
    return imageId === undefined || (await this.parts.images.findActive(imageId)) !== undefined;
  }

  private readWallet(
    request: NewCardRequest,
    reading: CardReading,
  ): Pick<Card, "currency" | "amount" | "goods"> | undefined {
    const currency = request.currency ?? this.parts.defaultCurrency;
    if (!isCurrency(currency)) return reading.refuse("currency", "is not supported");
    if (request.amount === undefined) return reading.miss("amount");
    const amount = reading.amount("amount", request.amount, currency);
    return amount === undefined ? undefined : { currency, amount, goods: undefined };
  }

  private async readOrder(request: NewCardRequest, call: Call, reading: CardReading) {
    const { vendorId, productId } = request;
    if (vendorId === undefined) reading.miss("vendor_id");
    if (productId === undefined) return reading.miss("product_id");
    const quote = await this.quote(productId, request.offerId, call, reading);
    if (!quote?.unitPrice) return undefined;
    const { currencyCode: currency, minorUnits: price } = quote.unitPrice;
    if (vendorId !== undefined && vendorId !== quote.vendorId)
      reading.refuse("vendor_id", "is not who sells the product");
    if (request.currency !== undefined && request.currency !== currency) {
      reading.refuse("currency", `must be the product's, ${currency}`);
    }
    const amount = request.amount === undefined ? price : reading.amount("amount", request.amount, currency);
    if (amount !== undefined && amount < price) {
      reading.refuse("amount", `must not be less than ${formatAmount(price, currency)}`);
    }
    const goods: Goods = { vendorId: quote.vendorId, productId, offerId: quote.offerId, price };
    return { currency, amount: amount ?? price, goods };
  }

  /** What the product costs now; where it has no price, that is refused. */
  private async quote(
    productId: bigint,
    offerId: bigint | undefined,
    call: Call,
    reading: CardReading,
  ): Promise<Quote | undefined> {
    try {
      return (await this.parts.stock.quoteProducts({ items: [{ productId, offerId }] }, call)).quotes[0];
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind !== "not_found") throw error;
      return reading.refuse(error.reason === "OFFER_NOT_FOUND" ? "offer_id" : "product_id", "is not on sale");
    }
  }
}

/** One reading of what is to be on a card. */
export class CardReading extends FieldReading {
  miss(field: string): undefined {
    this.refuse(field, "field is required");
  }

  expiry(timestamp: Timestamp | undefined, at: Instant): Instant | undefined {
    if (!timestamp) return undefined;
    const expiresAt = toInstant(timestamp);
    return expiresAt > at ? expiresAt : this.refuse("expires_at", "must be in the future");
  }

  number(text: string | undefined, region: CountryCode): string | undefined {
    if (text === undefined) return undefined;
    return readPhoneNumber(text, region) ?? this.refuse("recipient_number", "must be a valid phone number");
  }
}
