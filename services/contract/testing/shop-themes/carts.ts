import test, { type ExecutionContext } from "ava";
import type { RestClient } from "../../../testing/rest-client.ts";
import { ask } from "../both-ways.ts";
import { dataOf, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

interface CartData {
  readonly items: readonly {
    readonly product_id: number;
    readonly quantity: number;
    readonly [name: string]: unknown;
  }[];
  readonly totals: readonly { readonly currency: string; readonly total_amount: string }[];
}

const cartOf = async (client: RestClient) => dataOf<CartData>(await client.get("/cart"));
const linesOf = ({ items }: CartData) => items.map(({ product_id, quantity }) => [product_id, quantity]);

async function setUp(shop: Shop) {
  return { shop };
}

/** What members mean to order. */
export const carts = themeOf(setUp, ({ shop }) => {
  const on = `on ${shop.engine.name}`;
  const add = (t: ExecutionContext, client: RestClient, product_id: number, quantity: number) =>
    ask(t, client, "CartService/AddCartItem", { product_id, quantity });
  const update = (t: ExecutionContext, client: RestClient, product_id: number, quantity: number) =>
    ask(t, client, "CartService/UpdateCartItem", { product_id, quantity });
  const remove = (t: ExecutionContext, client: RestClient, product_id: number) =>
    ask(t, client, "CartService/RemoveCartItem", { product_id });

  test(`a cart is empty at first ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const { status, body } = await ask(t, client, "CartService/GetCart");
    t.is(status, 200);
    t.deepEqual(body, { success: true, message: "Success", data: { items: [], totals: [] } });
  });

  test(`adding answers 201 and the whole cart, to the field, at the prices of now ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const vendor_id = await shop.newVendor();
    const roses = await shop.newProduct({ vendor_id, name: "Roses", price: "10.00", stock: 5 });
    const tulips = await shop.newProduct({ vendor_id, name: "Tulips", price: "2.50", stock: 1 });
    await shop.newOffer(roses, "7.50");
    t.is((await add(t, client, roses, 2)).status, 201);
    const { status, body } = await add(t, client, tulips, 2);
    t.is(status, 201);
    t.deepEqual(body, {
      success: true,
      message: "Added to cart",
      data: {
        items: [
          {
            product_id: roses,
            quantity: 2,
            available: true,
            vendor_id,
            name: "Roses",
            unit_price: "7.50",
            total_amount: "15.00",
            currency: "SAR",
          },
          {
            product_id: tulips,
            quantity: 2,
            available: false,
            vendor_id,
            name: "Tulips",
            unit_price: "2.50",
            total_amount: "5.00",
            currency: "SAR",
          },
        ],
        totals: [{ currency: "SAR", total_amount: "15.00" }],
      },
    } as unknown as typeof body);
    t.deepEqual((await ask(t, client, "CartService/GetCart")).body.data, body.data);
  });

  test(`a cart may hold several currencies, each with a total of its own ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const products = [
      await shop.newProduct({ price: "10.00" }),
      await shop.newProduct({ price: "1000", currency: "KRW" }),
      await shop.newProduct({ price: "0.25" }),
    ];
    for (const product of products) await add(t, client, product, 3);
    t.deepEqual((await cartOf(client)).totals, [
      { currency: "SAR", total_amount: "30.75" },
      { currency: "KRW", total_amount: "3000" },
    ]);
  });

  test(`adding what is there adds up, where it stood; up to 1,000 ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const [first, second] = [await shop.newProduct(), await shop.newProduct()];
    await add(t, client, first, 1);
    await add(t, client, second, 1);
    const { body } = await add(t, client, first, 999);
    t.deepEqual(linesOf(body.data as unknown as CartData), [
      [first, 1_000],
      [second, 1],
    ]);
    const tooMany = await add(t, client, first, 1);
    t.deepEqual([tooMany.status, tooMany.body.code], [400, "CART_QUANTITY_EXCEEDED"]);
    t.is((await cartOf(client)).items[0]?.quantity, 1_000);
  });

  test(`what is added at once is all there, and every answer has the prices of all it shows ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const products = [await shop.newProduct(), await shop.newProduct(), await shop.newProduct()];
    const answers = await Promise.all(
      [...products, ...products].map((product_id) => client.post("/cart/items", { product_id, quantity: 2 })),
    );
    for (const answer of answers) {
      const { items } = dataOf<CartData>(answer);
      t.deepEqual([...new Set(items.map(({ unit_price }) => unit_price))], ["10.00"]);
    }
    const lines = linesOf(await cartOf(client));
    t.deepEqual(
      lines.toSorted(([one = 0], [other = 0]) => one - other),
      products.map((product) => [product, 4]),
    );
  });

  test(`a quantity is set to what is said ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const product = await shop.newProduct({ price: "10.00" });
    await add(t, client, product, 5);
    const { status, body } = await update(t, client, product, 2);
    t.is(status, 200);
    t.like(body, { message: "Updated successfully", data: { totals: [{ total_amount: "20.00" }] } });
    t.deepEqual(linesOf(body.data as unknown as CartData), [[product, 2]]);
  });

  test(`what is taken out is gone, and can be added again ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const [first, second] = [await shop.newProduct(), await shop.newProduct()];
    await add(t, client, first, 1);
    await add(t, client, second, 1);
    const { status, body } = await remove(t, client, first);
    t.is(status, 200);
    t.is(body.message, "Removed from cart");
    t.deepEqual(linesOf(body.data as unknown as CartData), [[second, 1]]);
    t.deepEqual(linesOf((await add(t, client, first, 3)).body.data as unknown as CartData), [
      [second, 1],
      [first, 3],
    ]);
  });

  test(`what is not in the cart is a 404 to set and to take out, and stays out ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const product = await shop.newProduct();
    for (const answer of [await update(t, client, product, 1), await remove(t, client, product)]) {
      t.deepEqual([answer.status, answer.body.code], [404, "CART_ITEM_NOT_FOUND"]);
    }
    t.deepEqual((await cartOf(client)).items, []);
  });

  test(`only what is on sale can be added ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    for (const product of [await shop.newProduct({ active: false }), 999_999_999]) {
      const { status, body } = await add(t, client, product, 1);
      t.deepEqual([status, body.code], [404, "PRODUCT_NOT_FOUND"]);
    }
    t.deepEqual((await cartOf(client)).items, []);
  });

  test(`what is not on sale any more stays, without a price, and can be taken out ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const product = await shop.newProduct();
    await add(t, client, product, 2);
    await shop.change("products", product, { active: false });
    const { body } = await ask(t, client, "CartService/GetCart");
    t.deepEqual(body.data, {
      items: [
        {
          product_id: product,
          quantity: 2,
          available: false,
          vendor_id: null,
          name: null,
          unit_price: null,
          total_amount: null,
          currency: null,
        },
      ],
      totals: [],
    });
    t.is((await update(t, client, product, 1)).status, 200);
    t.deepEqual((await remove(t, client, product)).body.data, { items: [], totals: [] });
  });

  test(`a cart holds 100 products and no more ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const inCart = await shop.newProduct();
    for (let one = 1; one < 100; one++) {
      const product_id = one === 1 ? inCart : await shop.newProduct();
      t.is((await client.post("/cart/items", { product_id, quantity: 1 })).status, 201);
    }
    const last = [await shop.newProduct(), await shop.newProduct()];
    const answers = await Promise.all(
      last.map((product_id) => client.post("/cart/items", { product_id, quantity: 1 })),
    );
    t.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 400]);
    t.is(answers.find(({ status }) => status === 400)?.body.code, "CART_FULL");
    t.is((await cartOf(client)).items.length, 100);
    t.is((await add(t, client, inCart, 1)).status, 201);
  });

  test(`a cart is its member's own ${on}`, async (t) => {
    const [sara, omar] = [await shop.newBuyer(), await shop.newBuyer()];
    const product = await shop.newProduct();
    await add(t, sara.client, product, 3);
    t.deepEqual((await cartOf(omar.client)).items, []);
    t.is((await update(t, omar.client, product, 1)).status, 404);
    t.is((await remove(t, omar.client, product)).status, 404);
    t.deepEqual(linesOf(await cartOf(sara.client)), [[product, 3]]);
    for (const client of [shop.admin, await shop.newSeller(await shop.newVendor())]) {
      t.is((await client.get("/cart")).status, 403);
    }
  });

  test(`what was ordered leaves the cart, all of it, and nothing else does ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const [ordered, other] = [await shop.newProduct(), await shop.newProduct({ stock: 1 })];
    await add(t, client, ordered, 5);
    await add(t, client, other, 2);
    await place(client, [[ordered, 1]]);
    t.deepEqual(linesOf(await cartOf(client)), [[other, 2]]);
    t.is((await client.post("/order/me", { items: [{ product_id: other, quantity: 2 }] })).body.code, "OUT_OF_STOCK");
    t.deepEqual(linesOf(await cartOf(client)), [[other, 2]]);
  });
});
