import type { Answer, RestClient } from "../rest-client.ts";
import type { House } from "../shop/house.ts";
import type { Member } from "../shop/members.ts";

/** Where users find their cards, and admins all. */
export const userBase = "/api/user/v3.1/gift-cards";
export const adminBase = "/admin-api/gift-cards/gift-cards";

/** A card, as REST shows it, as far as these tests look. */
export interface ShownCard {
  readonly id: number;
  readonly code: string;
  readonly gift_type: string;
  readonly amount: string;
  readonly status: string;
  readonly redemption_method: string;
  readonly order?: { readonly id: number; readonly status: string } | null;
  readonly expires_at?: string | null;
}

/** Has a member make a card: a `wallet` card of 10.00 that names nobody, so that its maker holds it; but for what is given. */
export async function makeCard({ client }: Member, fields: Readonly<Record<string, unknown>> = {}): Promise<ShownCard> {
  return cardIn(await client.post(userBase, { gift_type: "wallet", amount: "10.00", ...fields }));
}

/** Has a member make an `order` card of 10.00 for a new product of 8.00. */
export async function makeOrderCard(member: Member, house: House, stock = 1): Promise<ShownCard> {
  const productId = await house.addProduct({ stock, price: "8.00" });
  return makeCard(member, { gift_type: "order", vendor_id: house.vendorId, product_id: productId });
}

/** The card that an answer is. Throws where it is none. */
export function cardIn({ status, text, body }: Answer): ShownCard {
  if (status !== 200 && status !== 201) throw new Error(`There is no card: ${text}`);
  return body.data as unknown as ShownCard;
}

export function redeem(client: RestClient, { id }: Pick<ShownCard, "id">, code?: string): Promise<Answer> {
  return client.post(`${userBase}/${id}/redeem-wallet`, code === undefined ? {} : { code });
}

export function createOrder(client: RestClient, { id }: Pick<ShownCard, "id">): Promise<Answer> {
  return client.post(`${userBase}/${id}/create-order`);
}

export function cancelOrder(client: RestClient, { id }: Pick<ShownCard, "id">): Promise<Answer> {
  return client.post(`${userBase}/${id}/cancel-order-redeem-wallet`);
}

export function updateCard(admin: RestClient, { id }: Pick<ShownCard, "id">, body: object): Promise<Answer> {
  return admin.request("PUT", `${adminBase}/${id}`, { body });
}

export function deleteCard(admin: RestClient, { id }: Pick<ShownCard, "id">): Promise<Answer> {
  return admin.request("DELETE", `${adminBase}/${id}`);
}

/** Has an admin end many cards at once. */
export function endCards(admin: RestClient, ids: readonly number[], status: "expired" | "cancelled"): Promise<Answer> {
  return admin.post(`${adminBase}/bulk-update-status`, { gift_card_ids: ids, status });
}
