import { randomBytes } from "node:crypto";
import type { Answer, RestClient } from "../rest-client.ts";

/** A product to sell. */
export interface Goods {
  readonly stock: number;
  /** Of one unit, in the default currency. */
  readonly price?: string;
}

/** A coupon to give away. */
export interface Giveaway {
  readonly percent: number;
  readonly quantity: number;
  readonly perMember?: number;
}

/** Those who run a shop under test: they add what is sold, and remember it. */
export class House {
  readonly admin: RestClient;
  readonly vendorId: number;
  /** Of each product of this house: units that were put in, less those that were taken away. */
  readonly putIn = new Map<number, number>();
  readonly couponIds = new Set<number>();

  private constructor(admin: RestClient, vendorId: number) {
    this.admin = admin;
    this.vendorId = vendorId;
  }

  /** A house with a vendor of its own. */
  static async open(admin: RestClient): Promise<House> {
    const vendor = await made(admin.post("/admin-api/vendors", { name: "Torture & Co" }));
    return new House(admin, vendor);
  }

  /** Adds a product; answers its id. */
  async addProduct({ stock, price = "1.00" }: Goods): Promise<number> {
    const product = { vendor_id: this.vendorId, name: `Goods ${randomBytes(3).toString("hex")}`, price, stock };
    const id = await made(this.admin.post("/admin-api/products", product));
    this.putIn.set(id, stock);
    return id;
  }

  /** Adds units to what is free of a product, or takes them away. */
  async adjustStock(productId: number, delta: number): Promise<Answer> {
    const answer = await this.admin.post(`/admin-api/products/${productId}/stock`, { delta });
    if (answer.status === 200) this.putIn.set(productId, (this.putIn.get(productId) ?? 0) + delta);
    return answer;
  }

  /** Adds a coupon; answers its id. */
  async addCoupon({ percent, quantity, perMember = 1 }: Giveaway): Promise<number> {
    const coupon = {
      name: `${percent} percent off`,
      discount_type: "percent",
      discount_value: String(percent),
      total_quantity: quantity,
      per_user_limit: perMember,
    };
    const id = await made(this.admin.post("/admin-api/coupons", coupon));
    this.couponIds.add(id);
    return id;
  }
}

/** The id of what an answer says was made. */
async function made(answering: Promise<Answer>): Promise<number> {
  const { status, text, body } = await answering;
  if (status !== 201) throw new Error(`It was not made: ${text}`);
  return Number(body.data?.id);
}
