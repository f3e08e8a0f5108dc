import type { Answer, RestClient, SignedIn } from "../rest-client.ts";

/** Somebody who buys: signed in, with points in the wallet. */
export interface Member extends SignedIn {
  /** What was charged, in minor units. */
  readonly charged: bigint;
}

/** An order, as REST shows it, as far as these tests look. */
export interface ShownOrder {
  readonly id: number;
  readonly status: string;
  readonly items: readonly { readonly product_id: number; readonly quantity: number }[];
  readonly total_amount: string;
  readonly discount_amount: string;
  readonly coupon_id?: number | null;
  readonly expires_at?: string | null;
  readonly paid_at?: string | null;
}

/** Signs members up, and charges each with so much, a decimal of two digits. */
export function newMembers(anonymous: RestClient, count: number, amount = "10000.00"): Promise<Member[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const user = await anonymous.newUser();
      const { status, text } = await user.client.post("/members/me/points/charge", { amount });
      if (status !== 200) throw new Error(`The points were not charged: ${text}`);
      return { ...user, charged: minorUnits(amount) };
    }),
  );
}

/** Orders units of one product. */
export function placeOrder({ client }: Member, productId: number, quantity = 1, couponId?: number): Promise<Answer> {
  const items = [{ product_id: productId, quantity }];
  return client.post("/order/me", couponId === undefined ? { items } : { items, coupon_id: couponId });
}

/** The order that an answer is of. Throws where it is none of a placed order. */
export function placedIn({ status, text, body }: Answer): ShownOrder {
  if (status !== 201) throw new Error(`The order was not placed: ${text}`);
  return body.data?.order as ShownOrder;
}

/** Pays an order: a payment has the id of its order. */
export function pay({ client }: Member, { id }: Pick<ShownOrder, "id">): Promise<Answer> {
  return client.post(`/payment/${id}`);
}

export function cancel({ client }: Member, { id }: Pick<ShownOrder, "id">): Promise<Answer> {
  return client.post(`/orders/${id}/cancel`);
}

/** Everything in a list, page after page. */
export async function listAll<Item>(client: RestClient, path: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
    const query = cursor === undefined ? "per_page=100" : `per_page=100&cursor=${encodeURIComponent(cursor)}`;
    const { status, text, body } = await client.get(`${path}?${query}`);
    if (status !== 200) throw new Error(`${path} cannot be listed: ${text}`);
    items.push(...(body.data as unknown as Item[]));
    cursor = (body.meta?.next_cursor as string | null | undefined) ?? undefined;
  }
  return items;
}

/** A decimal of two digits in minor units. */
export function minorUnits(amount: string): bigint {
  if (!/^-?\d+\.\d\d$/.test(amount)) throw new Error(`${amount} is no amount of two digits`);
  return BigInt(amount.replace(".", ""));
}
