import test, { type ExecutionContext } from "ava";
import type { Answer, RestClient } from "../../../testing/rest-client.ts";
import { ask } from "../both-ways.ts";
import { balanceOf, dataOf, iso, type PlacedData, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

interface TransactionData {
  readonly type: string;
  readonly direction: string;
  readonly amount: string;
  readonly reference: string;
}

const paidIn = ({ body }: Answer) => body.data as unknown as PlacedData;
const transactionsOf = async (client: RestClient) =>
  dataOf<TransactionData[]>(await client.get("/members/me/points/transactions")).map(
    ({ type, direction, amount, reference }) => ({ type, direction, amount, reference }),
  );

async function setUp(shop: Shop) {
  return { shop };
}

/** Orders, as they are paid and cancelled. */
export const payments = themeOf(setUp, ({ shop }) => {
  const on = `on ${shop.engine.name}`;
  const pay = (t: ExecutionContext, client: RestClient, { id }: { id: number }) =>
    ask(t, client, "PaymentService/PayPayment", { payment_id: id });
  const cancel = (t: ExecutionContext, client: RestClient, { id }: { id: number }) =>
    ask(t, client, "OrderService/CancelOrder", { order_id: id });

  test(`paying answers the payment, the order and what is left, to the field ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const product = await shop.newProduct({ price: "12.50" });
    const { order, payment } = await place(client, [[product, 3]]);
    const answer = await pay(t, client, payment);
    t.is(answer.status, 200);
    const { paid_at } = paidIn(answer).payment;
    t.regex(String(paid_at), iso);
    t.deepEqual(answer.body, {
      success: true,
      message: "Payment completed successfully",
      data: {
        payment: { ...payment, status: "paid", paid_at },
        order: { ...order, status: "completed", expires_at: null, paid_at },
        balance: "62.50",
      },
    } as unknown as typeof answer.body);
    t.deepEqual(Object.keys(answer.body.data ?? {}), ["payment", "order", "balance"]);
    t.is(await balanceOf(client), "62.50");
    t.deepEqual(await shop.stockOf(product), { stock: 7, held: 0, sold: 3 });
    const [transaction] = await transactionsOf(client);
    t.like(transaction, { type: "payment", direction: "debit", amount: "37.50" });
  });

  test(`paying a paid one is the same again, to the byte, and takes nothing more ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const { payment } = await place(client, [[await shop.newProduct(), 1]]);
    const first = await client.post(`/payment/${payment.id}`);
    await client.post("/members/me/points/charge", { amount: 5 });
    const again = await pay(t, client, payment);
    t.deepEqual([again.status, again.text], [200, first.text]);
    t.is(await balanceOf(client), "95.00");
    t.is((await transactionsOf(client)).length, 3);
  });

  test(`paying eight times at once takes the money once ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const { payment } = await place(client, [[await shop.newProduct(), 1]]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.post(`/payment/${payment.id}`)));
    t.deepEqual([...new Set(answers.map(({ status, text }) => `${status} ${text}`))], [`200 ${answers[0]?.text}`]);
    t.is(await balanceOf(client), "90.00");
  });

  test(`too little leaves the payment pending, the stock held, and can be made good ${on}`, async (t) => {
    const { client } = await shop.newBuyer("9.99");
    const product = await shop.newProduct({ price: "10.00" });
    const { order, payment } = await place(client, [[product, 1]]);
    const refused = await pay(t, client, payment);
    t.is(refused.status, 400);
    t.like(refused.body, { success: false, code: "INSUFFICIENT_BALANCE" });
    t.deepEqual((await client.get(`/orders/${order.id}`)).body.data, order as unknown as Record<string, unknown>);
    t.is(await balanceOf(client), "9.99");
    t.deepEqual(await shop.stockOf(product), { stock: 9, held: 1, sold: 0 });
    await client.post("/members/me/points/charge", { amount: "0.01" });
    t.like(paidIn(await pay(t, client, payment)), { balance: "0.00", payment: { status: "paid" } });
  });

  test(`money of another currency pays nothing, not even where there is no such wallet ${on}`, async (t) => {
    const { client } = await shop.newBuyer("1000.00");
    const { payment } = await place(client, [[await shop.newProduct({ price: "10", currency: "KRW" }), 1]]);
    t.is((await pay(t, client, payment)).body.code, "INSUFFICIENT_BALANCE");
    await client.post("/members/me/points/charge", { amount: 10, currency: "KRW" });
    t.like(paidIn(await pay(t, client, payment)), { balance: "0", order: { status: "completed" } });
    t.is(await balanceOf(client), "1000.00");
  });

  test(`of two orders that the balance is enough for one of, one is paid ${on}`, async (t) => {
    const { client } = await shop.newBuyer("10.00");
    const product = await shop.newProduct({ price: "10.00" });
    const orders = [await place(client, [[product, 1]]), await place(client, [[product, 1]])];
    const answers = await Promise.all(orders.map(({ payment }) => client.post(`/payment/${payment.id}`)));
    t.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 400]);
    t.is(await balanceOf(client), "0.00");
    t.deepEqual(await shop.stockOf(product), { stock: 8, held: 1, sold: 1 });
  });

  test(`cancelling what is not paid gives the stock back, and it can be paid no more ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const product = await shop.newProduct();
    const { order, payment } = await place(client, [[product, 4]]);
    const { status, body } = await cancel(t, client, order);
    t.is(status, 200);
    t.deepEqual(body, {
      success: true,
      message: "Order cancelled successfully",
      data: { ...order, status: "cancelled" },
    } as unknown as typeof body);
    t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
    const refused = await pay(t, client, payment);
    t.deepEqual([refused.status, refused.body.code], [400, "PAYMENT_NOT_PAYABLE"]);
    t.is(await balanceOf(client), "100.00");
  });

  test(`cancelling what is paid gives money and stock back, once ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const product = await shop.newProduct({ price: "12.50" });
    const { order, payment } = await place(client, [[product, 2]]);
    const { order: paid } = paidIn(await pay(t, client, payment));
    t.is(await balanceOf(client), "75.00");
    const { status, body } = await cancel(t, client, order);
    t.is(status, 200);
    t.deepEqual(body.data, { ...paid, status: "cancelled" } as unknown as typeof body.data);
    t.is(await balanceOf(client), "100.00");
    t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
    const again = await cancel(t, client, order);
    t.deepEqual([again.status, again.body.data], [200, body.data]);
    t.is(await balanceOf(client), "100.00");
    t.deepEqual(
      (await transactionsOf(client)).map(({ type, direction, amount }) => [type, direction, amount]),
      [
        ["refund", "credit", "25.00"],
        ["payment", "debit", "25.00"],
        ["charge", "credit", "100.00"],
      ],
    );
    t.is((await pay(t, client, payment)).body.code, "PAYMENT_NOT_PAYABLE");
  });

  test(`cancelling eight times at once gives back once ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const product = await shop.newProduct();
    const { order, payment } = await place(client, [[product, 1]]);
    await pay(t, client, payment);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.post(`/orders/${order.id}/cancel`)));
    t.deepEqual([...new Set(answers.map(({ status, text }) => `${status} ${text}`))], [`200 ${answers[0]?.text}`]);
    t.is(await balanceOf(client), "100.00");
    t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
  });

  test(`an order that is paid and cancelled at once ends one way, with money and stock to match ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const product = await shop.newProduct({ stock: 8 });
    const orders = await Promise.all(Array.from({ length: 8 }, () => place(client, [[product, 1]])));
    const ends = await Promise.all(
      orders.map(async ({ order, payment }) => {
        const [cancelled, paid] = await Promise.all([
          client.post(`/orders/${order.id}/cancel`),
          client.post(`/payment/${payment.id}`),
        ]);
        t.is(cancelled.status, 200, cancelled.text);
        if (paid.status !== 200) t.is(paid.body.code, "PAYMENT_NOT_PAYABLE", paid.text);
        return dataOf<{ status: string }>(await client.get(`/orders/${order.id}`)).status;
      }),
    );
    t.deepEqual([...new Set(ends)], ["cancelled"]);
    t.is(await balanceOf(client), "100.00");
    t.deepEqual(await shop.stockOf(product), { stock: 8, held: 0, sold: 0 });
  });

  test(`another member's order is not there: to read, to cancel, to pay ${on}`, async (t) => {
    const [sara, omar] = [await shop.newBuyer("100.00"), await shop.newBuyer("100.00")];
    const { order: mine, payment } = await place(sara.client, [[await shop.newProduct(), 1]]);
    for (const [rpc, fields, code] of [
      ["OrderService/GetOrder", { order_id: mine.id }, "ORDER_NOT_FOUND"],
      ["OrderService/CancelOrder", { order_id: mine.id }, "ORDER_NOT_FOUND"],
      ["PaymentService/PayPayment", { payment_id: payment.id }, "PAYMENT_NOT_FOUND"],
    ] as const) {
      const { status, body } = await ask(t, omar.client, rpc, fields);
      t.deepEqual([status, body.code], [404, code], rpc);
      const none = await ask(t, omar.client, rpc, { order_id: 999_999_999, payment_id: 999_999_999 });
      t.deepEqual({ ...none.body, request_id: "" }, { ...body, request_id: "" });
    }
    t.deepEqual((await omar.client.get("/orders")).body.data as unknown, []);
    t.like((await sara.client.get(`/orders/${mine.id}`)).body.data, { status: "awaiting_payment" });
  });

  test(`only users pay and cancel ${on}`, async (t) => {
    const { client } = await shop.newBuyer("100.00");
    const { order, payment } = await place(client, [[await shop.newProduct(), 1]]);
    for (const other of [shop.admin, await shop.newAdmin(), await shop.newSeller(await shop.newVendor())]) {
      t.is((await other.post(`/payment/${payment.id}`)).status, 403);
      t.is((await other.post(`/orders/${order.id}/cancel`)).status, 403);
      t.is((await other.get(`/orders/${order.id}`)).status, 403);
    }
  });
});
