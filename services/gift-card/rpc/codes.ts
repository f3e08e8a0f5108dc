import {
  GiftCardStatus,
  GiftType,
  RedemptionMethod as Method,
} from "../../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import type { CardStatus, GiftType as DomainType, RedemptionMethod } from "../domain/card.ts";

export const giftTypeCodes: Readonly<Record<DomainType, GiftType>> = {
  wallet: GiftType.WALLET,
  order: GiftType.ORDER,
};

/** What people read for a type. */
export const giftTypeLabels: Readonly<Record<DomainType, string>> = { wallet: "Wallet Credit", order: "Order" };

export const statusCodes: Readonly<Record<CardStatus, GiftCardStatus>> = {
  active: GiftCardStatus.ACTIVE,
  used: GiftCardStatus.USED,
  expired: GiftCardStatus.EXPIRED,
  cancelled: GiftCardStatus.CANCELLED,
};

/** What people read for a status. */
export const statusLabels: Readonly<Record<CardStatus, string>> = {
  active: "Active",
  used: "Used",
  expired: "Expired",
  cancelled: "Cancelled",
};

export const methodCodes: Readonly<Record<RedemptionMethod, Method>> = {
  pending: Method.PENDING,
  wallet: Method.WALLET,
  order: Method.ORDER,
};

/** Undefined where the request says nothing of it; the rules of the proto let no other value through. */
export function readGiftType(code: GiftType | undefined): DomainType | undefined {
  return keyOf(giftTypeCodes, code);
}

export function readStatus(code: GiftCardStatus | undefined): CardStatus | undefined {
  return keyOf(statusCodes, code);
}

export function readMethod(code: Method | undefined): RedemptionMethod | undefined {
  return keyOf(methodCodes, code);
}

function keyOf<Key extends string, Code>(codes: Readonly<Record<Key, Code>>, code: Code | undefined): Key | undefined {
  return (Object.keys(codes) as Key[]).find((key) => codes[key] === code);
}
