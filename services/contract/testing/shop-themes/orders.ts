import test, { type ExecutionContext } from "ava";
import type { Answer, RestClient } from "../../../testing/rest-client.ts";
import { ask, type Fields } from "../both-ways.ts";
import { idsOf, walk } from "../lists.ts";
import { dataOf, iso, type OrderData, type PlacedData, pay, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

const minutes = 60_000;
const placedIn = ({ body }: Answer) => body.data as unknown as PlacedData;

async function setUp(shop: Shop) {
  return { shop, buyer: await shop.newBuyer("1000.00") };
}

/** Orders, as they are placed, read and listed. */
export const orders = themeOf(setUp, ({ shop, buyer }) => {
  const on = `on ${shop.engine.name}`;
  const order = (
    t: ExecutionContext,
    client: RestClient,
    items: readonly (readonly [number, number])[],
    more?: Fields,
  ) =>
    ask(t, client, "OrderService/PlaceOrder", {
      user_id: "me",
      items: items.map(([product_id, quantity]) => ({ product_id, quantity })),
      ...more,
    });

  test(`placing an order answers 201, the order and its payment, to the field ${on}`, async (t) => {
    const vendor_id = await shop.newVendor();
    const product_id = await shop.newProduct({ vendor_id, name: "Roses", price: "12.50" });
    const answer = await order(t, buyer.client, [[product_id, 3]], { user_id: String(buyer.id) });
    t.is(answer.status, 201);
    const { id, payment_id, created_at, expires_at } = placedIn(answer).order;
    const money = { discount_amount: "0.00", total_amount: "37.50" };
    const item = { product_id, vendor_id, name: "Roses", quantity: 3, unit_price: "12.50", offer_id: null, ...money };
    t.deepEqual(answer.body, {
      success: true,
      message: "Order placed successfully",
      data: {
        order: {
          id,
          user_id: buyer.id,
          vendor_id,
          product_id,
          items: [{ ...item, completed_at: null }],
          ...money,
          currency: "SAR",
          status: "awaiting_payment",
          payment_method: "balance",
          payment_id,
          coupon_id: null,
          created_at,
          expires_at,
          paid_at: null,
        },
        payment: {
          id: payment_id,
          order_id: id,
          status: "pending",
          amount: "37.50",
          currency: "SAR",
          paid_at: null,
        },
      },
    });
    t.regex(String(created_at), iso);
    t.is(Date.parse(String(expires_at)) - Date.parse(String(created_at)), 15 * minutes);
    t.deepEqual(await shop.stockOf(product_id), { stock: 7, held: 3, sold: 0 });
    const read = await ask(t, buyer.client, "OrderService/GetOrder", { order_id: id });
    t.is(read.status, 200);
    t.deepEqual(read.body.data, placedIn(answer).order as unknown as Record<string, unknown>);
  });

  test(`an order of several products of several vendors names neither product nor vendor ${on}`, async (t) => {
    const [one, other] = [await shop.newVendor(), await shop.newVendor()];
    const roses = await shop.newProduct({ vendor_id: one, price: "1.00" });
    const tulips = await shop.newProduct({ vendor_id: other, price: "2.00" });
    const lilies = await shop.newProduct({ vendor_id: one, price: "4.00" });
    const mixed = placedIn(
      await order(t, buyer.client, [
        [tulips, 1],
        [roses, 2],
        [lilies, 1],
      ]),
    ).order;
    t.like(mixed, { vendor_id: null, product_id: null, total_amount: "8.00" });
    t.deepEqual(
      mixed.items.map(({ product_id, vendor_id, quantity, total_amount }) => [
        product_id,
        vendor_id,
        quantity,
        total_amount,
      ]),
      [
        [tulips, other, 1, "2.00"],
        [roses, one, 2, "2.00"],
        [lilies, one, 1, "4.00"],
      ],
    );
    const ofOne = placedIn(
      await order(t, buyer.client, [
        [roses, 1],
        [lilies, 1],
      ]),
    ).order;
    t.like(ofOne, { vendor_id: one, product_id: null });
  });

  test(`several lines of one product are one item, where the first of them stood ${on}`, async (t) => {
    const [roses, tulips] = [await shop.newProduct({ stock: 5 }), await shop.newProduct()];
    const { items } = placedIn(
      await order(t, buyer.client, [
        [roses, 2],
        [tulips, 1],
        [roses, 3],
      ]),
    ).order;
    t.deepEqual(
      items.map(({ product_id, quantity, total_amount }) => [product_id, quantity, total_amount]),
      [
        [roses, 5, "50.00"],
        [tulips, 1, "10.00"],
      ],
    );
    t.deepEqual(await shop.stockOf(roses), { stock: 0, held: 5, sold: 0 });
    const single = placedIn(
      await order(t, buyer.client, [
        [tulips, 1],
        [tulips, 1],
      ]),
    ).order;
    t.like(single, { product_id: tulips });
  });

  test(`an order has the prices and offers of its instant, whatever becomes of them ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const [offered, plain] = [await shop.newProduct({ price: "10.00" }), await shop.newProduct({ price: "3.00" })];
    await shop.newOffer(offered, "9.00");
    const offer = await shop.newOffer(offered, "6.00");
    const placed = placedIn(
      await order(t, client, [
        [offered, 2],
        [plain, 1],
      ]),
    );
    t.deepEqual(
      placed.order.items.map(({ unit_price, offer_id }) => [unit_price, offer_id]),
      [
        ["6.00", offer],
        ["3.00", null],
      ],
    );
    await shop.change("offers", offer, { price: "1.00", name: "Cheaper" });
    await shop.change("products", plain, { price: "100.00", name: "Dearer" });
    const paid = await pay(client, placed.payment);
    t.is(paid.balance, "85.00");
    t.deepEqual(paid.order.items, placed.order.items);
  });

  for (const [currency, price, total] of [
    ["KRW", "1500", "4500"],
    ["KWD", "0.001", "0.003"],
  ] as const) {
    test(`an order is in its products' currency, with its digits: ${total} ${currency} ${on}`, async (t) => {
      const product = await shop.newProduct({ currency, price });
      const { order: placed, payment } = placedIn(await order(t, buyer.client, [[product, 3]]));
      t.like(placed, { currency, total_amount: total });
      t.like(payment, { currency, amount: total });
    });
  }

  test(`more than there is in stock is refused, and holds nothing of the other products ${on}`, async (t) => {
    const [plenty, few] = [await shop.newProduct({ stock: 9 }), await shop.newProduct({ stock: 2 })];
    const { status, body } = await order(t, buyer.client, [
      [plenty, 1],
      [few, 2],
      [few, 1],
    ]);
    t.deepEqual([status, body.code], [400, "OUT_OF_STOCK"]);
    t.deepEqual(await shop.stockOf(plenty), { stock: 9, held: 0, sold: 0 });
    t.deepEqual(await shop.stockOf(few), { stock: 2, held: 0, sold: 0 });
  });

  test(`products of several currencies make no order, and nothing is held ${on}`, async (t) => {
    const [one, other] = [await shop.newProduct(), await shop.newProduct({ price: "1000", currency: "KRW" })];
    const { status, body } = await order(t, buyer.client, [
      [one, 1],
      [other, 1],
    ]);
    t.deepEqual([status, body.code], [400, "MIXED_CURRENCIES"]);
    for (const product of [one, other]) t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
  });

  test(`an order of more than 9007199254740991 minor units is refused, and one of just as many is not ${on}`, async (t) => {
    const most = await shop.newProduct({ price: "90071992547409.91" });
    const { status, body } = await order(t, buyer.client, [[most, 2]]);
    t.deepEqual([status, body.code], [400, "ORDER_TOO_LARGE"]);
    t.deepEqual(await shop.stockOf(most), { stock: 10, held: 0, sold: 0 });
    t.is(placedIn(await order(t, buyer.client, [[most, 1]])).order.total_amount, "90071992547409.91");
  });

  test(`what is not on sale, or not there, makes no order ${on}`, async (t) => {
    const there = await shop.newProduct();
    for (const product of [await shop.newProduct({ active: false }), 999_999_999]) {
      const { status, body } = await order(t, buyer.client, [
        [there, 1],
        [product, 1],
      ]);
      t.deepEqual([status, body.code], [404, "PRODUCT_NOT_FOUND"]);
    }
    t.deepEqual(await shop.stockOf(there), { stock: 10, held: 0, sold: 0 });
  });

  test(`a refused order is not there ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    await order(t, client, [[await shop.newProduct({ stock: 0 }), 1]]);
    t.like((await client.get("/orders")).body, { data: [], meta: { total: 0 } });
  });

  test(`a member orders for themself only, and only users do ${on}`, async (t) => {
    const other = await shop.newBuyer();
    const product = await shop.newProduct();
    const body = { items: [{ product_id: product, quantity: 1 }] };
    t.is((await order(t, buyer.client, [[product, 1]], { user_id: String(other.id) })).status, 404);
    for (const client of [shop.admin, await shop.newSeller(await shop.newVendor())]) {
      t.is((await client.post("/order/me", body)).status, 403);
      t.is((await client.post(`/order/${buyer.id}`, body)).status, 403);
      t.is((await client.get("/orders")).status, 403);
    }
    t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
  });

  test(`orders are listed to the field, the newest first, by page and by cursor alike ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const [roses, tulips] = [await shop.newProduct(), await shop.newProduct()];
    const placed: PlacedData[] = [];
    for (let one = 1; one <= 5; one++)
      placed.unshift(
        await place(client, [
          [roses, 1],
          [tulips, 1],
        ]),
      );
    const ids = placed.map(({ order: { id } }) => id);
    await walk(t, client, "/orders?", ids);
    const { status, body } = await ask(t, client, "OrderService/ListOrders");
    t.is(status, 200);
    t.deepEqual(
      body.data as unknown,
      placed.map(({ order: one }) => one),
    );
    t.deepEqual(body.meta, { current_page: 1, per_page: 20, total: 5, last_page: 1, next_cursor: null });

    const [last, first] = [placed[0], placed[4]];
    if (last) await pay(client, last.payment);
    await client.post(`/orders/${first?.order.id}/cancel`);
    for (const [wanted, expected] of [
      ["completed", ids.slice(0, 1)],
      ["awaiting_payment", ids.slice(1, 4)],
      ["cancelled", ids.slice(4)],
      ["pending", []],
      ["expired", []],
    ] as const) {
      const listed = await ask(t, client, "OrderService/ListOrders", { status: wanted });
      t.deepEqual(idsOf(listed), [...expected]);
      t.true(dataOf<OrderData[]>(listed).every((one) => one.status === wanted));
      t.is(listed.body.meta?.total, expected.length);
    }
  });

  const wrongOrders = [
    [{ items: [] }, "items"],
    [{ items: Array.from({ length: 101 }, () => ({ product_id: 1, quantity: 1 })) }, "items"],
    [{ items: [{ product_id: 1, quantity: 1_001 }] }, "items.0.quantity"],
    [{ items: [{ product_id: 1, quantity: 1 }, { product_id: 1 }] }, "items.1.quantity"],
    [{ items: [{ product_id: 1, quantity: 1 }, 7] }, "items.1"],
  ] as const;
  for (const [fields, field] of wrongOrders) {
    test(`an order with ${JSON.stringify(fields).slice(0, 80)} is a 422 on ${field} ${on}`, async (t) => {
      const { status, body, text } = await ask(t, buyer.client, "OrderService/PlaceOrder", {
        user_id: "me",
        ...fields,
      });
      t.is(status, 422, text);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    });
  }
});
