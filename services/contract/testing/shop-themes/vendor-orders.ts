import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import test, { type ExecutionContext } from "ava";
import { GiftCardOrderService } from "../../../../gen/giftmesh/payment/v1/gift_card_order_service_pb.ts";
import { OrderStatus } from "../../../../gen/giftmesh/payment/v1/order_pb.ts";
import { LedgerService, SystemAccount } from "../../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import type { RestClient } from "../../../testing/rest-client.ts";
import { ask } from "../both-ways.ts";
import { idsOf, walk } from "../lists.ts";
import { balanceOf, dataOf, iso, type OrderData, pay, place, type Shop } from "../shop.ts";
import { themeOf } from "../theme.ts";

async function setUp(shop: Shop) {
  const [vendorId, otherId] = [await shop.newVendor(), await shop.newVendor()];
  const [seller, other] = [await shop.newSeller(vendorId), await shop.newSeller(otherId)];
  return { shop, vendorId, otherId, seller, other, buyer: await shop.newBuyer("1000.00") };
}

/** Orders, as vendors see and complete them, gift-card orders among them. */
export const vendorOrders = themeOf(setUp, ({ shop, vendorId, otherId, seller, other, buyer }) => {
  const on = `on ${shop.engine.name}`;
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${shop.grpcPort}` });
  const complete = (t: ExecutionContext, client: RestClient, order_id: number) =>
    ask(t, client, "VendorOrderService/CompleteOrder", { order_id });
  const buy = async (quantities: Parameters<typeof place>[1]) =>
    (await pay(buyer.client, (await place(buyer.client, quantities)).payment)).order;

  /** Has somebody redeem a card of 15.00 for a product of 10.00; answers the order's id. */
  let cards = 0;
  const redeem = async (userId: number, productId: number): Promise<number> => {
    const id = `card-${++cards}`;
    const money = (minorUnits: bigint) => ({ currencyCode: "SAR", minorUnits });
    const system = (value: SystemAccount) => ({ owner: { case: "system" as const, value } });
    await createClient(LedgerService, transport).transfer({
      id,
      debit: system(SystemAccount.PROMOTIONS),
      credit: system(SystemAccount.GIFT_CARD_LIABILITY),
      amount: money(1_500n),
      type: TransferType.GIFT_CARD_PURCHASE,
    });
    const { order } = await createClient(GiftCardOrderService, transport).placeGiftCardOrder({
      id,
      userId: BigInt(userId),
      giftCardId: BigInt(cards),
      productId: BigInt(productId),
      price: money(1_000n),
      amount: money(1_500n),
    });
    return Number(order?.id);
  };

  test(`a vendor completes a paid order, item by item of theirs ${on}`, async (t) => {
    const [mine, theirs] = [
      await shop.newProduct({ vendor_id: vendorId }),
      await shop.newProduct({ vendor_id: otherId }),
    ];
    const order = await buy([
      [mine, 1],
      [theirs, 2],
    ]);
    t.is(order.status, "completed");
    t.deepEqual(
      order.items.map(({ completed_at }) => completed_at),
      [null, null],
    );
    const { status, body } = await complete(t, seller, order.id);
    t.is(status, 200);
    const [item] = (body.data as unknown as OrderData).items;
    t.regex(String(item?.completed_at), iso);
    t.deepEqual(body, {
      success: true,
      message: "Order completed successfully",
      // What others sold in it is nobody's business.
      data: {
        ...order,
        vendor_id: vendorId,
        product_id: mine,
        total_amount: order.items[0]?.total_amount,
        items: [{ ...order.items[0], completed_at: item?.completed_at }],
      },
    } as unknown as typeof body);
    const read = dataOf<OrderData>(await buyer.client.get(`/orders/${order.id}`));
    t.deepEqual(read.items, [item, order.items[1]] as OrderData["items"]);
    const again = await complete(t, seller, order.id);
    t.deepEqual(again.body.data, body.data);
    const last = dataOf<OrderData>(await complete(t, other, order.id));
    t.deepEqual(
      last.items.map(({ product_id }) => product_id),
      [theirs],
    );
  });

  test(`what a vendor has completed cannot be cancelled ${on}`, async (t) => {
    const product = await shop.newProduct({ vendor_id: vendorId });
    const order = await buy([[product, 1]]);
    await complete(t, seller, order.id);
    const { status, body } = await ask(t, buyer.client, "OrderService/CancelOrder", { order_id: order.id });
    t.deepEqual([status, body.code], [400, "ORDER_NOT_CANCELLABLE"]);
    t.deepEqual(await shop.stockOf(product), { stock: 9, held: 0, sold: 1 });
  });

  test(`an order that is not paid, or was cancelled, is not completable ${on}`, async (t) => {
    const product = await shop.newProduct({ vendor_id: vendorId });
    const { order } = await place(buyer.client, [[product, 1]]);
    const unpaid = await complete(t, seller, order.id);
    t.deepEqual([unpaid.status, unpaid.body.code], [400, "ORDER_NOT_COMPLETABLE"]);
    const paid = await buy([[product, 1]]);
    for (const { id } of [order, paid]) {
      await buyer.client.post(`/orders/${id}/cancel`);
      const cancelled = await complete(t, seller, id);
      t.deepEqual([cancelled.status, cancelled.body.code], [400, "ORDER_NOT_COMPLETABLE"]);
    }
  });

  test(`another vendor's order is not there, as one that nobody has made ${on}`, async (t) => {
    const order = await buy([[await shop.newProduct({ vendor_id: otherId }), 1]]);
    for (const id of [order.id, 999_999_999]) {
      const { status, body } = await complete(t, seller, id);
      t.deepEqual([status, body.code, body.message], [404, "ORDER_NOT_FOUND", "Order not found"]);
    }
    t.false(idsOf(await seller.get("/api/vendor/v3.1/orders?per_page=100")).includes(order.id));
  });

  test(`a vendor lists the paid orders with something of theirs, and sees their own items only ${on}`, async (t) => {
    const [vendor_id, elses] = [await shop.newVendor(), await shop.newProduct({ vendor_id: otherId })];
    const [client, product] = [await shop.newSeller(vendor_id), await shop.newProduct({ vendor_id })];
    const ids: number[] = [];
    for (let one = 1; one <= 3; one++) {
      const order = await buy([
        [elses, 1],
        [product, 1],
      ]);
      ids.unshift(order.id);
    }
    await place(buyer.client, [[product, 1]]);
    await buy([[elses, 1]]);
    await walk(t, client, "/api/vendor/v3.1/orders?", ids);
    const { status, body } = await ask(t, client, "VendorOrderService/ListVendorOrders");
    t.is(status, 200);
    t.is(body.meta?.total, 3);
    for (const order of body.data as unknown as OrderData[]) {
      t.deepEqual(
        order.items.map(({ product_id }) => product_id),
        [product],
      );
      t.like(order, { user_id: buyer.id, status: "completed", vendor_id, product_id: product });
      t.is(order.items[0]?.total_amount, order.total_amount, "what others sold in it is nobody's business");
    }
    await buyer.client.post(`/orders/${ids[0]}/cancel`);
    for (const [wanted, expected] of [
      ["cancelled", ids.slice(0, 1)],
      ["completed", ids.slice(1)],
      ["pending", []],
      ["awaiting_payment", []],
    ] as const) {
      const listed = await ask(t, client, "VendorOrderService/ListVendorOrders", { status: wanted });
      t.deepEqual([idsOf(listed), listed.body.meta?.total], [[...expected], expected.length], wanted);
    }
  });

  test(`a gift-card order is pending until its vendor completes it, and final from then on ${on}`, async (t) => {
    const { client, id: user_id } = await shop.newBuyer();
    const product = await shop.newProduct({ vendor_id: vendorId, price: "10.00" });
    const id = await redeem(user_id, product);
    t.is(await balanceOf(client), "5.00");
    const { body } = await ask(t, client, "OrderService/GetOrder", { order_id: id });
    t.like(body.data, {
      id,
      user_id,
      vendor_id: vendorId,
      product_id: product,
      discount_amount: "0.00",
      total_amount: "10.00",
      status: "pending",
      payment_method: "gift_card",
      coupon_id: null,
      expires_at: null,
    });
    t.regex(String(body.data?.paid_at), iso);
    const pending = await seller.get("/api/vendor/v3.1/orders?status=pending&per_page=100");
    const ofProduct = (pending.body.data as unknown as { id: number; product_id: number }[]).filter(
      (order) => order.product_id === product,
    );
    t.deepEqual(
      ofProduct.map((order) => order.id),
      [id],
    );
    const completed = await complete(t, seller, id);
    t.like(completed.body.data, { status: "completed" });
    t.is((await client.post(`/orders/${id}/cancel`)).body.code, "ORDER_NOT_CANCELLABLE");
    t.deepEqual(await shop.stockOf(product), { stock: 9, held: 0, sold: 1 });
  });

  test(`a gift-card order that is cancelled while pending gives its price to the buyer ${on}`, async (t) => {
    const { client, id: userId } = await shop.newBuyer();
    const product = await shop.newProduct({ vendor_id: otherId, price: "10.00" });
    const id = await redeem(userId, product);
    t.is((await buyer.client.post(`/orders/${id}/cancel`)).status, 404);
    const { status, body } = await ask(t, client, "OrderService/CancelOrder", { order_id: id });
    t.is(status, 200);
    t.like(body.data, { status: "cancelled", payment_method: "gift_card" });
    t.is(await balanceOf(client), "15.00");
    t.deepEqual(await shop.stockOf(product), { stock: 10, held: 0, sold: 0 });
    t.is((await complete(t, other, id)).body.code, "ORDER_NOT_COMPLETABLE");
  });

  test(`gift-card orders are read together, as they are now, and no others are ${on}`, async (t) => {
    const product = await shop.newProduct({ vendor_id: vendorId, price: "10.00" });
    const ofCards = [await redeem(buyer.id, product), await redeem(buyer.id, product)];
    const ordinary = await buy([[product, 1]]);
    await complete(t, seller, ofCards[0] ?? 0);
    const orderIds = [...ofCards, ordinary.id, 999_999_999].map(BigInt);
    const { orders } = await createClient(GiftCardOrderService, transport).listGiftCardOrders({ orderIds });
    t.deepEqual(
      orders.map(({ id, status }) => [Number(id), status]),
      [
        [ofCards[0], OrderStatus.COMPLETED],
        [ofCards[1], OrderStatus.PENDING],
      ],
    );
  });

  test(`only vendors list and complete ${on}`, async (t) => {
    const order = await buy([[await shop.newProduct({ vendor_id: vendorId }), 1]]);
    for (const client of [buyer.client, shop.admin, await shop.newAdmin()]) {
      t.is((await client.get("/api/vendor/v3.1/orders")).status, 403);
      t.is((await client.post(`/api/vendor/v3.1/orders/${order.id}/complete`)).status, 403);
    }
  });
});
