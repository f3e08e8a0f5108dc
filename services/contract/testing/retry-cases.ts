import { randomUUID } from "node:crypto";
import type { ExecutionContext } from "ava";
import type { RestClient, SignedIn } from "../../testing/rest-client.ts";
import type { Fields } from "./both-ways.ts";
import { listAll } from "./lists.ts";
import { balanceOf, dataOf, pay, place, type Shop } from "./shop.ts";

/** Who asks, in a shop. */
export interface Surroundings {
  readonly shop: Shop;
  readonly vendorId: number;
  readonly seller: RestClient;
  /** Somebody new, who has 100.00. */
  newBuyer(): Promise<SignedIn>;
}

/** A request with an effect, and one of the same RPC that is refused. */
export interface RetryCase {
  readonly client: RestClient;
  readonly fields: Fields;
  /** Sees that what was answered happened once. */
  happenedOnce(t: ExecutionContext, data: Record<string, unknown>): Promise<unknown>;
  readonly refused?: {
    readonly fields: Fields;
    readonly code: string;
    /** Removes the reason of the refusal; what was refused stays so. */
    readonly mend?: () => Promise<unknown>;
  };
}

type MakeCase = (around: Surroundings) => Promise<RetryCase>;

const nobody = 999_999_999;

const read = async (client: RestClient, path: string) => dataOf(await client.get(path));

const vendors: Readonly<Record<string, MakeCase>> = {
  "AdminCatalogService/CreateVendor": async ({ shop: { admin } }) => {
    const name = randomUUID();
    return {
      client: admin,
      fields: { name },
      async happenedOnce(t) {
        const all = await listAll<{ name: string }>(admin, "/admin-api/vendors");
        t.is(all.filter((one) => one.name === name).length, 1);
      },
    };
  },
  "AdminCatalogService/UpdateVendor": async ({ shop: { admin }, vendorId }) => ({
    client: admin,
    fields: { vendor_id: vendorId, name: "Renamed" },
    happenedOnce: async (t, data) => t.deepEqual(await read(admin, `/admin-api/vendors/${vendorId}`), data),
    refused: { fields: { vendor_id: nobody, name: "Renamed" }, code: "VENDOR_NOT_FOUND" },
  }),
};

const products: Readonly<Record<string, MakeCase>> = {
  "AdminCatalogService/CreateProduct": async ({ shop }) => {
    const fields = { vendor_id: await shop.newVendor(), name: "Once", price: "1.00" };
    return {
      client: shop.admin,
      fields,
      async happenedOnce(t) {
        const { body } = await shop.admin.get(`/admin-api/products?vendor_id=${fields.vendor_id}`);
        t.is(body.meta?.total, 1);
      },
      refused: { fields: { ...fields, vendor_id: nobody }, code: "VALIDATION_ERROR" },
    };
  },
  "AdminCatalogService/UpdateProduct": async ({ shop }) => {
    const id = await shop.newProduct();
    return {
      client: shop.admin,
      fields: { product_id: id, price: "3.00" },
      happenedOnce: async (t, data) => t.deepEqual(await read(shop.admin, `/admin-api/products/${id}`), data),
      refused: { fields: { product_id: nobody, price: "3.00" }, code: "PRODUCT_NOT_FOUND" },
    };
  },
  "AdminCatalogService/AdjustStock": async ({ shop }) => {
    const id = await shop.newProduct({ stock: 5 });
    return {
      client: shop.admin,
      fields: { product_id: id, delta: 3 },
      happenedOnce: async (t) => t.is((await shop.stockOf(id)).stock, 8),
      refused: {
        fields: { product_id: id, delta: -9 },
        code: "OUT_OF_STOCK",
        mend: () => shop.admin.post(`/admin-api/products/${id}/stock`, { delta: 10 }),
      },
    };
  },
  "AdminCatalogService/CreateOffer": async ({ shop }) => {
    const fields = { product_id: await shop.newProduct({ price: "10.00" }), name: "Once", price: "9.00" };
    return {
      client: shop.admin,
      fields,
      async happenedOnce(t) {
        const { body } = await shop.admin.get(`/admin-api/offers?product_id=${fields.product_id}`);
        t.is(body.meta?.total, 1);
      },
      refused: {
        fields: { ...fields, price: "10.00" },
        code: "VALIDATION_ERROR",
        mend: () => shop.change("products", fields.product_id, { price: "11.00" }),
      },
    };
  },
  "AdminCatalogService/UpdateOffer": async ({ shop }) => {
    const product = await shop.newProduct({ price: "10.00" });
    const offer_id = await shop.newOffer(product, "9.00");
    return {
      client: shop.admin,
      fields: { offer_id, price: "8.00" },
      happenedOnce: async (t, data) => t.deepEqual(await read(shop.admin, `/admin-api/offers/${offer_id}`), data),
      refused: {
        fields: { offer_id, price: "10.00" },
        code: "VALIDATION_ERROR",
        mend: () => shop.change("products", product, { price: "11.00" }),
      },
    };
  },
};

const coupons: Readonly<Record<string, MakeCase>> = {
  "AdminCouponService/CreateCoupon": async ({ shop: { admin } }) => {
    const fields = { name: randomUUID(), discount_type: "percent", discount_value: "5", total_quantity: 1 };
    return {
      client: admin,
      fields,
      async happenedOnce(t) {
        const all = await listAll<{ name: string }>(admin, "/admin-api/coupons");
        t.is(all.filter(({ name }) => name === fields.name).length, 1);
      },
      refused: { fields: { ...fields, discount_value: "101" }, code: "VALIDATION_ERROR" },
    };
  },
  "AdminCouponService/UpdateCoupon": async ({ shop, newBuyer }) => {
    const { client } = await newBuyer();
    const fixed = { discount_type: "fixed", discount_value: "5.00", per_user_limit: 3 };
    const coupon_id = await shop.newClaimedCoupon(client, fixed);
    await client.post(`/coupons/${coupon_id}`);
    return {
      client: shop.admin,
      fields: { coupon_id, total_quantity: 2 },
      happenedOnce: async (t, data) => t.deepEqual(await read(shop.admin, `/admin-api/coupons/${coupon_id}`), data),
      refused: { fields: { coupon_id, total_quantity: 1 }, code: "COUPON_QUANTITY_TOO_LOW" },
    };
  },
  "CouponService/ClaimCoupon": async ({ shop, newBuyer }) => {
    const { client } = await newBuyer();
    const usual = { discount_type: "fixed", discount_value: "5.00" };
    const coupon_id = await shop.newCoupon({ ...usual, per_user_limit: 100, total_quantity: 100 });
    const soldOut = await shop.newClaimedCoupon((await newBuyer()).client, { ...usual, total_quantity: 1 });
    return {
      client,
      fields: { coupon_id },
      happenedOnce: async (t, data) =>
        t.deepEqual(
          dataOf<{ id: number }[]>(await client.get("/members/me/coupons")).map(({ id }) => id),
          [Number(data.id)],
        ),
      refused: {
        fields: { coupon_id: soldOut },
        code: "COUPON_SOLD_OUT",
        mend: () => shop.change("coupons", soldOut, { total_quantity: 2 }),
      },
    };
  },
};

const carts: Readonly<Record<string, MakeCase>> = {
  "CartService/AddCartItem": async ({ shop, newBuyer }) => {
    const { client } = await newBuyer();
    const gone = await shop.newProduct({ active: false });
    return {
      client,
      fields: { product_id: await shop.newProduct(), quantity: 3 },
      happenedOnce: async (t, data) => t.deepEqual([await read(client, "/cart"), quantitiesIn(data)], [data, [3]]),
      refused: {
        fields: { product_id: gone, quantity: 1 },
        code: "PRODUCT_NOT_FOUND",
        mend: () => shop.change("products", gone, { active: true }),
      },
    };
  },
  "CartService/UpdateCartItem": async (around) => cartCase(around, { quantity: 7 }, [7]),
  "CartService/RemoveCartItem": async (around) => cartCase(around, {}, []),
};

/** What changes a product that is in a cart, and is refused for one that is not. */
async function cartCase({ shop, newBuyer }: Surroundings, fields: Fields, after: number[]): Promise<RetryCase> {
  const { client } = await newBuyer();
  const [inCart, other] = [await shop.newProduct(), await shop.newProduct()];
  await client.post("/cart/items", { product_id: inCart, quantity: 2 });
  return {
    client,
    fields: { product_id: inCart, ...fields },
    happenedOnce: async (t, data) => t.deepEqual([await read(client, "/cart"), quantitiesIn(data)], [data, after]),
    refused: {
      fields: { product_id: other, ...fields },
      code: "CART_ITEM_NOT_FOUND",
      mend: () => client.post("/cart/items", { product_id: other, quantity: 2 }),
    },
  };
}

function quantitiesIn(data: Record<string, unknown>): number[] {
  return (data.items as { quantity: number }[]).map(({ quantity }) => quantity);
}

const orders: Readonly<Record<string, MakeCase>> = {
  "OrderService/PlaceOrder": async ({ shop, newBuyer }) => {
    const { client } = await newBuyer();
    const product_id = await shop.newProduct({ stock: 10 });
    const ordering = (quantity: number) => ({ user_id: "me", items: [{ product_id, quantity }] });
    return {
      client,
      fields: ordering(2),
      async happenedOnce(t, data) {
        t.deepEqual((await client.get("/orders")).body.data, [data.order] as unknown as typeof data);
        t.deepEqual(await shop.stockOf(product_id), { stock: 8, held: 2, sold: 0 });
      },
      refused: {
        fields: ordering(11),
        code: "OUT_OF_STOCK",
        mend: () => shop.admin.post(`/admin-api/products/${product_id}/stock`, { delta: 10 }),
      },
    };
  },
  "OrderService/CancelOrder": async ({ shop, vendorId, seller, newBuyer }) => {
    const { client } = await newBuyer();
    const product = await shop.newProduct({ vendor_id: vendorId });
    const [cancelled, delivered] = [await place(client, [[product, 1]]), await place(client, [[product, 1]])];
    for (const { payment } of [cancelled, delivered]) await pay(client, payment);
    await seller.post(`/api/vendor/v3.1/orders/${delivered.order.id}/complete`);
    return {
      client,
      fields: { order_id: cancelled.order.id },
      async happenedOnce(t, data) {
        t.deepEqual(await read(client, `/orders/${cancelled.order.id}`), data);
        t.is(await balanceOf(client), "90.00");
        t.deepEqual(await shop.stockOf(product), { stock: 9, held: 0, sold: 1 });
      },
      refused: { fields: { order_id: delivered.order.id }, code: "ORDER_NOT_CANCELLABLE" },
    };
  },
  "PaymentService/PayPayment": async ({ shop, newBuyer }) => {
    const { client } = await newBuyer();
    const [cheap, dear] = [await shop.newProduct({ price: "10.00" }), await shop.newProduct({ price: "150.00" })];
    const [payable, tooDear] = [await place(client, [[cheap, 1]]), await place(client, [[dear, 1]])];
    return {
      client,
      fields: { payment_id: payable.payment.id },
      async happenedOnce(t, data) {
        t.deepEqual(await read(client, `/orders/${payable.order.id}`), data.order as Record<string, unknown>);
        t.is(await balanceOf(client), "90.00");
      },
      refused: {
        fields: { payment_id: tooDear.payment.id },
        code: "INSUFFICIENT_BALANCE",
        mend: () => client.post("/members/me/points/charge", { amount: 100 }),
      },
    };
  },
  "VendorOrderService/CompleteOrder": async ({ shop, vendorId, seller, newBuyer }) => {
    const { client } = await newBuyer();
    const product = await shop.newProduct({ vendor_id: vendorId });
    const [paid, unpaid] = [await place(client, [[product, 1]]), await place(client, [[product, 1]])];
    await pay(client, paid.payment);
    return {
      client: seller,
      fields: { order_id: paid.order.id },
      happenedOnce: async (t, data) => t.deepEqual(await read(client, `/orders/${paid.order.id}`), data),
      refused: {
        fields: { order_id: unpaid.order.id },
        code: "ORDER_NOT_COMPLETABLE",
        mend: () => pay(client, unpaid.payment),
      },
    };
  },
};

/** For every RPC of the shop that may have an effect; the test that there is one for each fails without. */
export const retryCases = { ...vendors, ...products, ...coupons, ...carts, ...orders };
