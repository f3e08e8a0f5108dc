import test, { type ExecutionContext } from "ava";
import type { RestClient } from "../../../testing/rest-client.ts";
import { ask } from "../both-ways.ts";
import { balanceOf, dataOf, type ItemData, type PlacedData, pay, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

type Quantities = readonly (readonly [product: number, quantity: number])[];

const sumOf = (items: readonly ItemData[], field: "discount_amount" | "total_amount") =>
  items.reduce((sum, item) => sum + Math.round(Number(item[field]) * 100), 0);

async function setUp(shop: Shop) {
  return { shop };
}

/** What coupons take off orders. */
export const discounts = themeOf(setUp, ({ shop }) => {
  const on = `on ${shop.engine.name}`;
  const askToOrder = (t: ExecutionContext, client: RestClient, quantities: Quantities, coupon_id: number) =>
    ask(t, client, "OrderService/PlaceOrder", {
      user_id: "me",
      items: quantities.map(([product_id, quantity]) => ({ product_id, quantity })),
      coupon_id,
    });
  const statusesOf = async (client: RestClient) =>
    dataOf<{ status: string }[]>(await client.get("/members/me/coupons")).map(({ status }) => status);

  // Half even (0.125 → 0.12, 0.375 → 0.38, 0.245 → 0.24), the cap, the order's own amount, and the currency's digits.
  const discounts = [
    [{ discount_type: "percent", discount_value: "10" }, ["12.50", 3], "3.75", "33.75"],
    [{ discount_type: "percent", discount_value: "12.5" }, ["1.00", 1], "0.12", "0.88"],
    [{ discount_type: "percent", discount_value: "12.5" }, ["3.00", 1], "0.38", "2.62"],
    [{ discount_type: "percent", discount_value: "50" }, ["0.49", 1], "0.24", "0.25"],
    [{ discount_type: "percent", discount_value: "0.01" }, ["1.00", 1], "0.00", "1.00"],
    [{ discount_type: "percent", discount_value: "33.33" }, ["10.00", 3], "10.00", "20.00"],
    [{ discount_type: "percent", discount_value: "50", max_discount: "4.00" }, ["10.00", 1], "4.00", "6.00"],
    [{ discount_type: "percent", discount_value: "50", max_discount: "5.00" }, ["10.00", 1], "5.00", "5.00"],
    [{ discount_type: "percent", discount_value: "50", max_discount: "9.00" }, ["10.00", 1], "5.00", "5.00"],
    [{ discount_type: "percent", discount_value: "15", currency: "KRW" }, ["10", 1, "KRW"], "2", "8"],
    [{ discount_type: "percent", discount_value: "12.5", currency: "KWD" }, ["0.004", 1, "KWD"], "0.000", "0.004"],
    [{ discount_type: "fixed", discount_value: "3.00" }, ["10.00", 2], "3.00", "17.00"],
    [{ discount_type: "fixed", discount_value: "19.98", min_order_amount: "20.00" }, ["10.00", 2], "19.98", "0.02"],
  ] as const;
  for (const [coupon, [price, quantity, currency = "SAR"], discount, total] of discounts) {
    const what = JSON.stringify(coupon);
    test(`${what} takes ${discount} off ${quantity} at ${price}, and leaves ${total} ${on}`, async (t) => {
      const { client } = await shop.newBuyer();
      const couponId = await shop.newClaimedCoupon(client, coupon);
      const product = await shop.newProduct({ price, currency });
      const { body } = await askToOrder(t, client, [[product, quantity]], couponId);
      const { order, payment } = body.data as unknown as PlacedData;
      t.like(order, { discount_amount: discount, total_amount: total, coupon_id: couponId });
      t.like(order.items[0], { unit_price: price, discount_amount: discount, total_amount: total });
      t.is(payment.amount, total);
      t.deepEqual(await statusesOf(client), ["used"]);
    });
  }

  test(`a discount is parted among the items in proportion, and the parts add up to the whole ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const quantities = [];
    for (const [price, quantity] of [
      ["0.01", 1],
      ["3.33", 1],
      ["3.33", 1],
      ["3.33", 1],
      ["7.77", 3],
    ] as const) {
      quantities.push([await shop.newProduct({ price }), quantity] as const);
    }
    const couponId = await shop.newClaimedCoupon(client, { discount_type: "fixed", discount_value: "10.00" });
    const { order, payment } = await place(client, quantities, couponId);
    t.like(order, { discount_amount: "10.00", total_amount: "23.31" });
    t.is(sumOf(order.items, "discount_amount"), 1_000);
    t.is(sumOf(order.items, "total_amount"), 2_331);
    for (const { quantity, unit_price, discount_amount, total_amount } of order.items) {
      const [whole, off, left] = [Number(unit_price) * quantity, Number(discount_amount), Number(total_amount)];
      t.is(Math.round((whole - off) * 100), Math.round(left * 100));
      t.true(off >= 0 && Math.abs(off - (10 * whole) / 33.31) < 0.01, `${off} off ${whole}`);
    }
    t.is((await pay(client, payment)).balance, "76.69");
  });

  test(`an order that a coupon makes free completes at once, is paid, and leaves the balance ${on}`, async (t) => {
    const { client } = await shop.newBuyer("5.00");
    const couponId = await shop.newClaimedCoupon(client, { discount_type: "percent", discount_value: "100" });
    const product = await shop.newProduct({ price: "33.33", stock: 3 });
    const { status, body } = await askToOrder(t, client, [[product, 3]], couponId);
    t.is(status, 201);
    const { order, payment } = body.data as unknown as PlacedData;
    t.like(order, { status: "completed", discount_amount: "99.99", total_amount: "0.00", expires_at: null });
    t.like(payment, { status: "paid", amount: "0.00", paid_at: order.paid_at as string });
    t.not(order.paid_at, null);
    t.deepEqual(await shop.stockOf(product), { stock: 0, held: 0, sold: 3 });
    t.is(await balanceOf(client), "5.00");
    const paid = await ask(t, client, "PaymentService/PayPayment", { payment_id: payment.id });
    t.deepEqual(paid.body.data, { payment, order, balance: "5.00" } as unknown as typeof paid.body.data);

    const cancelled = await ask(t, client, "OrderService/CancelOrder", { order_id: order.id });
    t.like(cancelled.body.data, { status: "cancelled" });
    t.deepEqual(await shop.stockOf(product), { stock: 3, held: 0, sold: 0 });
    t.deepEqual(await statusesOf(client), ["issued"]);
    t.is(await balanceOf(client), "5.00");
  });

  test(`who has no wallet in its currency has no balance of a free order ${on}`, async (t) => {
    const { client } = await shop.newBuyer("5.00");
    const free = { discount_type: "fixed", discount_value: "100", currency: "KRW" };
    const couponId = await shop.newClaimedCoupon(client, free);
    const product = await shop.newProduct({ price: "99", currency: "KRW" });
    const { order, payment } = await place(client, [[product, 1]], couponId);
    t.like(order, { status: "completed", discount_amount: "99", total_amount: "0" });
    t.is((await pay(client, payment)).balance, "0");
  });

  const refusals = [
    ["that asks for more", { min_order_amount: "10.01" }, 400, "COUPON_NOT_APPLICABLE"],
    ["of another currency", { currency: "KRW", discount_value: "5" }, 400, "COUPON_NOT_APPLICABLE"],
  ] as const;
  for (const [which, fields, status, code] of refusals) {
    test(`a coupon ${which} is refused: ${code}, nothing is held, and it is still the member's ${on}`, async (t) => {
      const { client } = await shop.newBuyer();
      const wanted = { discount_type: "fixed", discount_value: "5.00", ...fields };
      const couponId = await shop.newClaimedCoupon(client, wanted);
      const product = await shop.newProduct({ price: "10.00" });
      const answer = await askToOrder(t, client, [[product, 1]], couponId);
      t.deepEqual([answer.status, answer.body.code], [status, code]);
      t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
      t.deepEqual(await statusesOf(client), ["issued"]);
    });
  }

  test(`a coupon that is over is not available to an order ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const couponId = await shop.newClaimedCoupon(client, { discount_type: "fixed", discount_value: "5.00" });
    const over = { starts_at: "2020-01-01", ends_at: "2020-01-02" };
    await shop.change("coupons", couponId, over);
    const answer = await askToOrder(t, client, [[await shop.newProduct(), 1]], couponId);
    t.deepEqual([answer.status, answer.body.code], [400, "COUPON_NOT_AVAILABLE"]);
  });

  test(`a coupon that the member has not, or another has, or nobody, is a 404 ${on}`, async (t) => {
    const [sara, omar] = [await shop.newBuyer(), await shop.newBuyer()];
    const product = await shop.newProduct();
    const omars = await shop.newClaimedCoupon(omar.client, { discount_type: "fixed", discount_value: "5.00" });
    for (const couponId of [omars, 999_999_999]) {
      const answer = await askToOrder(t, sara.client, [[product, 1]], couponId);
      t.deepEqual([answer.status, answer.body.code], [404, "COUPON_NOT_FOUND"]);
    }
    t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
    t.deepEqual(await statusesOf(omar.client), ["issued"]);
  });

  test(`a coupon is for one order, until that is cancelled: then for another ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const couponId = await shop.newClaimedCoupon(client, { discount_type: "fixed", discount_value: "5.00" });
    const product = await shop.newProduct();
    const { order, payment } = await place(client, [[product, 1]], couponId);
    const refused = await askToOrder(t, client, [[product, 1]], couponId);
    t.deepEqual([refused.status, refused.body.code], [400, "COUPON_ALREADY_USED"]);
    t.is((await pay(client, payment)).balance, "95.00");
    await client.post(`/orders/${order.id}/cancel`);
    t.is(await balanceOf(client), "100.00");
    const again = await place(client, [[product, 1]], couponId);
    t.like(again.order, { discount_amount: "5.00" });
  });

  test(`of eight orders at once with one coupon, one gets it ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const couponId = await shop.newClaimedCoupon(client, { discount_type: "fixed", discount_value: "5.00" });
    const product = await shop.newProduct();
    const body = { items: [{ product_id: product, quantity: 1 }], coupon_id: couponId };
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.post("/order/me", body)));
    t.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [201, ...Array(7).fill(400)],
    );
    t.deepEqual(await shop.stockOf(product), { stock: 9, held: 1, sold: 0 });
  });

  test(`who claimed a coupon several times uses them for several orders ${on}`, async (t) => {
    const { client } = await shop.newBuyer();
    const fields = { discount_type: "fixed", discount_value: "5.00", per_user_limit: 2 };
    const couponId = await shop.newClaimedCoupon(client, fields);
    await client.post(`/coupons/${couponId}`);
    const product = await shop.newProduct();
    for (let one = 1; one <= 2; one++) await place(client, [[product, 1]], couponId);
    const third = await askToOrder(t, client, [[product, 1]], couponId);
    t.is(third.body.code, "COUPON_ALREADY_USED");
    t.deepEqual(await statusesOf(client), ["used", "used"]);
  });
});
