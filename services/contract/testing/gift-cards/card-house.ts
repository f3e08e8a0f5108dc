import { randomBytes } from "node:crypto";
import { eventually } from "../../../platform/testing/eventually.ts";
import type { Answer, RestClient, SignedIn } from "../../../testing/rest-client.ts";
import { inTurn } from "../in-turn.ts";
import { dataOf, type Shop } from "../shop.ts";
import { type Theme, themeOf } from "../theme.ts";

/** Where users, vendors and admins find gift cards. */
export const userBase = "/api/user/v3.1/gift-cards";
export const vendorBase = "/api/vendor/v3.1/gift-cards";
export const adminBase = "/admin-api/gift-cards/gift-cards";

export interface CardData {
  readonly id: number;
  readonly code: string;
  readonly code_last4: string;
  readonly amount: string;
  readonly status: string;
  readonly redemption_method: string;
  readonly order: { readonly id: number; readonly status: string } | null;
  readonly wallet_transaction: { readonly id: number; readonly amount: string } | null;
  readonly expires_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly redeemed_at: string | null;
  readonly [field: string]: unknown;
}

export interface MessageData {
  readonly channel: string;
  readonly subject: string;
  readonly body: string;
}

/** Somebody who has shown to read an address. */
export interface Reader extends SignedIn {
  readonly email: string;
}

export const newEmail = () => `jane-${randomBytes(6).toString("hex")}@example.com`;

/** A shop that has gift cards, with two vendors and those who work for them. */
export class CardHouse {
  readonly shop: Shop;
  readonly admin: RestClient;
  readonly vendorId: number;
  readonly seller: RestClient;
  readonly otherSeller: RestClient;
  /** Signs somebody up who has shown to read an address of their own. */
  readonly newReader: () => Promise<Reader>;

  static async open(shop: Shop): Promise<CardHouse> {
    const [vendorId, otherId] = [await shop.newVendor(), await shop.newVendor()];
    const sellers = [await shop.newSeller(vendorId), await shop.newSeller(otherId)] as const;
    return new CardHouse(shop, await shop.newAdmin(), vendorId, sellers);
  }

  private constructor(
    shop: Shop,
    admin: RestClient,
    vendorId: number,
    [seller, otherSeller]: readonly [RestClient, RestClient],
  ) {
    this.shop = shop;
    this.admin = admin;
    this.vendorId = vendorId;
    this.seller = seller;
    this.otherSeller = otherSeller;
    this.newReader = inTurn(async () => {
      const email = newEmail();
      const reader = await shop.anonymous.newUser({ email });
      await this.verify(reader.client, "email", email);
      return { ...reader, email };
    });
  }

  get on(): string {
    return `on ${this.shop.engine.name}`;
  }

  /** Has somebody show that they read what is sent to a contact of theirs. */
  async verify(client: RestClient, channel: "email" | "phone", to: string): Promise<void> {
    dataOf(await client.post("/auth/verifications", { channel }));
    const [message] = await this.told(to, 1);
    const code = /\b[0-9]{6}\b/.exec(message?.body ?? "")?.[0];
    dataOf(await client.post("/auth/verifications/confirm", { channel, code }));
  }

  /** Somebody who has 1,000.00 to make cards of. */
  newMaker(amount = "1000.00"): Promise<SignedIn> {
    return this.shop.newBuyer(amount);
  }

  /** Has somebody make a `wallet` card of 20.00, but for what is given. */
  async make({ client }: Pick<SignedIn, "client">, fields: Readonly<Record<string, unknown>> = {}): Promise<CardData> {
    return dataOf(await client.post(userBase, { gift_type: "wallet", amount: 20, ...fields }));
  }

  /** Has an admin make one, from the house's promotions. */
  async issue(fields: Readonly<Record<string, unknown>> = {}): Promise<CardData> {
    return dataOf(await this.admin.post(adminBase, { gift_type: "wallet", amount: 20, ...fields }));
  }

  /** The fields of an `order` card for a new product of 15.00 of the vendor's. */
  async orderFields(stock = 10): Promise<{ gift_type: string; vendor_id: number; product_id: number }> {
    const product_id = await this.shop.newProduct({ vendor_id: this.vendorId, name: "Roses", price: "15.00", stock });
    return { gift_type: "order", vendor_id: this.vendorId, product_id };
  }

  async makeOrderCard(
    maker: Pick<SignedIn, "client">,
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<CardData> {
    return this.make(maker, { ...(await this.orderFields()), amount: "20.00", ...fields });
  }

  redeem(client: RestClient, { id }: Pick<CardData, "id">, code?: string): Promise<Answer> {
    return client.post(`${userBase}/${id}/redeem-wallet`, code === undefined ? {} : { code });
  }

  order(client: RestClient, { id }: Pick<CardData, "id">, code?: string): Promise<Answer> {
    return client.post(`${userBase}/${id}/create-order`, code === undefined ? {} : { code });
  }

  cancelOrder(client: RestClient, { id }: Pick<CardData, "id">): Promise<Answer> {
    return client.post(`${userBase}/${id}/cancel-order-redeem-wallet`);
  }

  /** A card as admins see it. */
  async look({ id }: Pick<CardData, "id">): Promise<CardData> {
    return dataOf(await this.admin.get(`${adminBase}/${id}`));
  }

  update({ id }: Pick<CardData, "id">, body: object): Promise<Answer> {
    return this.admin.request("PUT", `${adminBase}/${id}`, { body });
  }

  remove({ id }: Pick<CardData, "id">): Promise<Answer> {
    return this.admin.request("DELETE", `${adminBase}/${id}`);
  }

  end(ids: readonly number[], status: "expired" | "cancelled"): Promise<Answer> {
    return this.admin.post(`${adminBase}/bulk-update-status`, { gift_card_ids: ids, status });
  }

  /** What somebody was told, the newest first, as soon as it is so much. */
  async told(to: string, count: number): Promise<MessageData[]> {
    const list = async () =>
      dataOf<MessageData[]>(await this.shop.anonymous.get(`/dev/messages?to=${encodeURIComponent(to)}`));
    await eventually(async () => (await list()).length >= count);
    return list();
  }

  /** What is owed on unredeemed cards, by the ledger. */
  async owed(currency = "SAR"): Promise<string> {
    const all = dataOf<{ currency: string; gift_cards: string }[]>(
      await this.shop.admin.get("/admin-api/ledger/liability"),
    );
    return all.find((one) => one.currency === currency)?.gift_cards ?? "0.00";
  }
}

/** A theme about gift cards. */
export function cardTheme(declare: (house: CardHouse) => void): Theme {
  return themeOf(CardHouse.open, declare);
}
