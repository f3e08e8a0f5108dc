import type { CountryCode } from "libphonenumber-js";
import type { UpdateGiftCardRequest } from "../../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { Refusal } from "../../platform/refusal.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { now, toInstant } from "../../platform/time.ts";
import type { Askers } from "../askers.ts";
import type { WantedChange } from "../card-change.ts";
import type { CardImages } from "../card-images.ts";
import type { Amendment, Purpose } from "../domain/amending.ts";
import type { Card } from "../domain/card.ts";
import { readGiftType, readStatus } from "./codes.ts";
import { CardReading } from "./new-card.ts";

export interface ChangeRequestParts {
  readonly images: Pick<CardImages, "findActive">;
  readonly askers: Pick<Askers, "find">;
  readonly defaultPhoneRegion: CountryCode;
}

/** Reads what of a card is to be changed, and says what no rule of the proto can. */
export class ChangeRequests {
  private readonly parts: ChangeRequestParts;

  constructor(parts: ChangeRequestParts) {
    this.parts = parts;
  }

  /** Throws InvalidFields. */
  async read(request: UpdateGiftCardRequest, card: Card, call: Call): Promise<WantedChange> {
    const reading = new CardReading();
    const amount = this.readAmount(request, card, reading);
    const amendment: Amendment = {
      purpose: purposeOf(request),
      looks: {
        ...written("message", request.message),
        ...written("notes", request.notes),
        ...(request.backgroundColor !== undefined && { backgroundColor: request.backgroundColor }),
        ...(await this.readImage(request, card, reading)),
        ...(await this.readSender(request, call, reading)),
      },
      recipient: {
        ...written("name", request.recipientName),
        ...(request.recipientEmail !== undefined && { email: request.recipientEmail.toLowerCase() }),
        ...this.readNumber(request, reading),
      },
      expiresAt: readExpiry(request, card, reading),
    };
    reading.check();
    return { amendment, amount, status: readStatus(request.status) };
  }

  private readAmount({ amount: text }: UpdateGiftCardRequest, { currency, goods }: Card, reading: CardReading) {
    if (text === undefined) return undefined;
    const amount = reading.amount("amount", text, currency);
    if (amount !== undefined && goods && amount < goods.price) {
      reading.refuse("amount", `must not be less than ${formatAmount(goods.price, currency)}`);
    }
    return amount;
  }

  private async readImage({ backgroundImageId: id }: UpdateGiftCardRequest, card: Card, reading: CardReading) {
    if (id === undefined) return {};
    const isThere = id === card.backgroundImageId || (await this.parts.images.findActive(id)) !== undefined;
    if (!isThere) reading.refuse("background_image_id", "is not active");
    return { backgroundImageId: id };
  }

  private async readSender({ userId }: UpdateGiftCardRequest, call: Call, reading: CardReading) {
    if (userId === undefined) return {};
    const name = await nameOf(userId, this.parts.askers, call, reading);
    return { sender: { id: userId, name: name ?? "" } };
  }

  private readNumber({ recipientNumber: text }: UpdateGiftCardRequest, reading: CardReading) {
    const number = reading.number(text, this.parts.defaultPhoneRegion);
    return number === undefined ? {} : { number };
  }
}

/** What a user is called; where there is none, that is refused. */
export async function nameOf(
  userId: bigint,
  askers: Pick<Askers, "find">,
  call: Call,
  reading: CardReading,
): Promise<string | undefined> {
  try {
    return (await askers.find(userId, call)).name;
  } catch (error) {
    if (!(error instanceof Refusal) || error.kind !== "not_found") throw error;
    return reading.refuse("user_id", "is of nobody");
  }
}

function purposeOf({ giftType, currency, vendorId, productId, offerId }: UpdateGiftCardRequest): Purpose {
  return { giftType: readGiftType(giftType), currency, vendorId, productId, offerId };
}

/** An instant that it has already may have passed since. */
function readExpiry({ expiresAt }: UpdateGiftCardRequest, card: Card, reading: CardReading) {
  if (expiresAt && toInstant(expiresAt) === card.expiresAt) return card.expiresAt;
  return reading.expiry(expiresAt, now());
}

/** What is written as nothing is not there. */
function written<Name extends string>(name: Name, text: string | undefined) {
  return text === undefined ? {} : { [name]: text === "" ? undefined : text };
}
