import { type Card, type CardStatus, type GiftType, type RedemptionMethod, statusOf } from "./card.ts";

/**
 * What lists filter by, as one number: all that a card can be to a client. One index over it answers every filter, as the
 * union of the few facets that match. The numbers are kept in the database, and never change.
 */
export interface Facet {
  readonly number: bigint;
  readonly giftType: GiftType;
  readonly status: CardStatus;
  readonly method: RedemptionMethod;
}

export const facets: readonly Facet[] = [
  { number: 1n, giftType: "wallet", status: "active", method: "pending" },
  { number: 2n, giftType: "wallet", status: "used", method: "wallet" },
  { number: 3n, giftType: "wallet", status: "expired", method: "pending" },
  { number: 4n, giftType: "wallet", status: "cancelled", method: "pending" },
  { number: 5n, giftType: "order", status: "active", method: "pending" },
  { number: 6n, giftType: "order", status: "used", method: "order" },
  { number: 7n, giftType: "order", status: "used", method: "wallet" },
  { number: 8n, giftType: "order", status: "expired", method: "pending" },
  { number: 9n, giftType: "order", status: "cancelled", method: "pending" },
];

/** What a list is to show; all where undefined. */
export interface FacetFilter {
  readonly giftType?: GiftType | undefined;
  readonly status?: CardStatus | undefined;
  readonly method?: RedemptionMethod | undefined;
}

/** The facet that a card is in; none where clients do not see it. */
export function facetOf(card: Pick<Card, "state" | "giftType" | "method">): Facet | undefined {
  const status = statusOf(card);
  const method = status === "used" ? card.method : "pending";
  return facets.find((one) => one.giftType === card.giftType && one.status === status && one.method === method);
}

/** The facets that a filter lets through, which may be none. */
export function facetsMatching({ giftType, status, method }: FacetFilter): Facet[] {
  return facets.filter(
    (facet) =>
      (giftType === undefined || facet.giftType === giftType) &&
      (status === undefined || facet.status === status) &&
      (method === undefined || facet.method === method),
  );
}
