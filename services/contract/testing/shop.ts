import { type Engine, engines } from "../../platform/testing/engines.ts";
import type { Answer, RestClient, SignedIn } from "../../testing/rest-client.ts";
import { type RunningMesh, runMesh } from "../../testing/running-mesh.ts";
import { inTurn } from "./in-turn.ts";

/** An instant as the contract has it. */
export const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

export interface OrderData {
  readonly id: number;
  readonly items: readonly ItemData[];
  readonly discount_amount: string;
  readonly total_amount: string;
  readonly currency: string;
  readonly status: string;
  readonly [field: string]: unknown;
}

export interface ItemData {
  readonly product_id: number;
  readonly quantity: number;
  readonly unit_price: string;
  readonly discount_amount: string;
  readonly total_amount: string;
  readonly [field: string]: unknown;
}

export interface PaymentData {
  readonly id: number;
  readonly status: string;
  readonly amount: string;
  readonly [field: string]: unknown;
}

/** What `POST /order/{userId}` and `POST /payment/{paymentId}` answer. */
export interface PlacedData {
  readonly order: OrderData;
  readonly payment: PaymentData;
  readonly balance?: string;
}

/** What a product is made with, as `POST /admin-api/products` has it. */
interface ProductFields {
  readonly vendor_id?: number;
  readonly name?: string;
  readonly price?: string;
  readonly currency?: string;
  readonly stock?: number;
  readonly active?: boolean;
}

/** A running mesh with a shop in it, and what tests put onto its shelves. */
export class Shop {
  readonly engine: Engine;
  readonly anonymous: RestClient;
  readonly admin: RestClient;
  private readonly running: RunningMesh;
  private readonly vendorId: number;
  private readonly signUp: () => Promise<SignedIn>;
  private readonly newStaff: RunningMesh["newStaff"];

  /** One on each engine that there is. */
  static async openAll(environment: Readonly<Record<string, string>> = {}): Promise<Shop[]> {
    return Promise.all(engines().map((engine) => Shop.open(engine, environment)));
  }

  static async open(engine: Engine, environment: Readonly<Record<string, string>> = {}): Promise<Shop> {
    const running = await runMesh(engine, environment);
    const vendor = dataOf<{ id: number }>(
      await running.superAdmin.post("/admin-api/vendors", { name: "Flowers & Co" }),
    );
    return new Shop(engine, running, vendor.id);
  }

  private constructor(engine: Engine, running: RunningMesh, vendorId: number) {
    this.engine = engine;
    this.running = running;
    this.anonymous = running.anonymous;
    this.admin = running.superAdmin;
    this.vendorId = vendorId;
    this.signUp = inTurn(() => running.anonymous.newUser());
    this.newStaff = inTurn((role, fields) => running.newStaff(role, fields));
  }

  /** Where other services come in. */
  get grpcPort(): number | undefined {
    return this.running.mesh.grpcPort;
  }

  async close(): Promise<void> {
    await this.running.mesh.stop();
    await this.engine.remove();
  }

  /** Adds a vendor; answers its id. */
  async newVendor(name = "Flowers & Co"): Promise<number> {
    return dataOf<{ id: number }>(await this.admin.post("/admin-api/vendors", { name })).id;
  }

  /** Signs in somebody who works for a vendor. */
  async newSeller(vendorId: number): Promise<RestClient> {
    return this.newStaff("vendor", { vendor_id: vendorId });
  }

  /** Signs in an admin who is no super_admin. */
  async newAdmin(): Promise<RestClient> {
    return this.newStaff("admin");
  }

  /** Adds a product, ten in stock at 10.00 where nothing else is said; answers its id. */
  async newProduct(fields: ProductFields = {}): Promise<number> {
    const usual = { vendor_id: this.vendorId, name: "A bunch of roses", price: "10.00", stock: 10 };
    return dataOf<{ id: number }>(await this.admin.post("/admin-api/products", { ...usual, ...fields })).id;
  }

  /** Adds an offer that runs, where nothing else is said; answers its id. */
  async newOffer(productId: number, price: string, fields: Readonly<Record<string, unknown>> = {}): Promise<number> {
    const wanted = { product_id: productId, name: "Spring offer", price, ...fields };
    return dataOf<{ id: number }>(await this.admin.post("/admin-api/offers", wanted)).id;
  }

  /** Adds a coupon of which there are ten; answers its id. */
  async newCoupon(fields: Readonly<Record<string, unknown>>): Promise<number> {
    const wanted = { name: "Off you go", total_quantity: 10, ...fields };
    return dataOf<{ id: number }>(await this.admin.post("/admin-api/coupons", wanted)).id;
  }

  /** Adds a coupon and has a member claim it; answers the coupon's id. */
  async newClaimedCoupon(buyer: RestClient, fields: Readonly<Record<string, unknown>>): Promise<number> {
    const couponId = await this.newCoupon(fields);
    dataOf(await buyer.post(`/coupons/${couponId}`));
    return couponId;
  }

  /** Changes a product, an offer or a coupon. */
  async change(kind: "products" | "offers" | "coupons", id: number, fields: Readonly<Record<string, unknown>>) {
    return dataOf(await this.admin.request("PUT", `/admin-api/${kind}/${id}`, { body: fields }));
  }

  /** Signs up somebody who has so much in their wallet. */
  async newBuyer(amount?: string, currency = "SAR"): Promise<SignedIn> {
    const buyer = await this.signUp();
    if (amount) dataOf(await buyer.client.post("/members/me/points/charge", { amount, currency }));
    return buyer;
  }

  /** A product as those who run the house see it. */
  async stockOf(productId: number): Promise<{ readonly stock: number; readonly held: number; readonly sold: number }> {
    const { stock, held, sold } = dataOf<{ stock: number; held: number; sold: number }>(
      await this.admin.get(`/admin-api/products/${productId}`),
    );
    return { stock, held, sold };
  }
}

/** Places an order of so many of each product. */
export async function place(
  buyer: RestClient,
  quantities: readonly (readonly [productId: number, quantity: number])[],
  couponId?: number,
): Promise<PlacedData> {
  const items = quantities.map(([product_id, quantity]) => ({ product_id, quantity }));
  return dataOf(await buyer.post("/order/me", { items, coupon_id: couponId }));
}

/** Pays a payment. */
export async function pay(buyer: RestClient, { id }: PaymentData): Promise<PlacedData> {
  return dataOf(await buyer.post(`/payment/${id}`));
}

/** What a member's wallet of a currency holds. */
export async function balanceOf(client: RestClient, currency = "SAR"): Promise<string | undefined> {
  const { wallets } = dataOf<{ wallets: { currency: string; balance: string }[] }>(
    await client.get("/members/me/points"),
  );
  return wallets.find((wallet) => wallet.currency === currency)?.balance;
}

/** The data of a success. Throws where it is none. */
export function dataOf<T = Record<string, unknown>>({ status, text, body }: Answer): T {
  if (status >= 300) throw new Error(`${status} ${text}`);
  return body.data as T;
}
