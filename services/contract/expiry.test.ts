import test, { type ExecutionContext } from "ava";
import { eventually } from "../platform/testing/eventually.ts";
import type { RestClient } from "../testing/rest-client.ts";
import { ask } from "./testing/both-ways.ts";
import { balanceOf, dataOf, type OrderData, type PlacedData, place, Shop } from "./testing/shop.ts";

for (const shop of await Shop.openAll({ ORDER_EXPIRE_AFTER_MS: "100" })) {
  const on = `on ${shop.engine.name}`;
  test.after.always(() => shop.close());
  const read = async (client: RestClient, { order }: PlacedData) =>
    dataOf<OrderData>(await client.get(`/orders/${order.id}`));
  const expire = (client: RestClient, placed: PlacedData) =>
    eventually(async () => (await read(client, placed)).status === "expired");

  test(`an order that nobody pays expires: stock and coupon are given back ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const couponId = await shop.newClaimedCoupon(client, { discount_type: "fixed", discount_value: "1.00" });
    const product = await shop.newProduct();
    const placed = await place(client, [[product, 3]], couponId);
    await expire(client, placed);
    t.deepEqual(await read(client, placed), { ...placed.order, status: "expired" });
    t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
    const { body } = await client.get("/members/me/coupons");
    t.like((body.data as unknown as object[])[0], { coupon_id: couponId, status: "issued", order_id: null });
    const listed = await ask(t, client, "OrderService/ListOrders", { status: "expired" });
    t.is(listed.body.meta?.total, 1);
    t.is(await balanceOf(client), "100.00");
  });

  test(`an order that has expired is neither paid nor cancelled ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const placed = await place(client, [[await shop.newProduct(), 1]]);
    await expire(client, placed);
    const refusalOf = async (t: ExecutionContext, rpc: string, fields: Record<string, unknown>) => {
      const { status, body } = await ask(t, client, rpc, fields);
      return [status, body.code];
    };
    const paying = await refusalOf(t, "PaymentService/PayPayment", { payment_id: placed.payment.id });
    t.deepEqual(paying, [400, "PAYMENT_NOT_PAYABLE"]);
    const cancelling = await refusalOf(t, "OrderService/CancelOrder", { order_id: placed.order.id });
    t.deepEqual(cancelling, [400, "ORDER_NOT_CANCELLABLE"]);
    t.is(await balanceOf(client), "100.00");
  });

  test(`what was paid, free, or cancelled in time does not expire ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const product = await shop.newProduct({ price: "10.00" });
    // One may expire before it is paid or cancelled, on a machine that is slow: then it is done again.
    const doing = async (done: string, act: (placed: PlacedData) => Promise<unknown>): Promise<PlacedData> => {
      const placed = await place(client, [[product, 1]]);
      await act(placed);
      return (await read(client, placed)).status === done ? placed : doing(done, act);
    };
    const paid = await doing("completed", ({ payment }) => client.post(`/payment/${payment.id}`));
    const cancelled = await doing("cancelled", ({ order }) => client.post(`/orders/${order.id}/cancel`));
    const couponId = await shop.newClaimedCoupon(client, { discount_type: "percent", discount_value: "100" });
    const free = await place(client, [[product, 1]], couponId);
    await expire(client, await place(client, [[product, 1]]));
    t.is((await read(client, paid)).status, "completed");
    t.is((await read(client, cancelled)).status, "cancelled");
    t.is((await read(client, free)).status, "completed");
    t.deepEqual(await shop.stockOf(product), { stock: 8, held: 0, sold: 2 });
    t.is(await balanceOf(client), "90.00");
  });

  test(`what expired can be bought by the next ${on}`, async (t) => {
    const [first, second] = [await shop.newBuyer(), await shop.newBuyer()];
    const product = await shop.newProduct({ stock: 1 });
    const placed = await place(first.client, [[product, 1]]);
    await expire(first.client, placed);
    t.is((await place(second.client, [[product, 1]])).order.items[0]?.quantity, 1);
  });
}
