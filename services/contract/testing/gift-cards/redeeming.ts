import { randomUUID } from "node:crypto";
import test from "ava";
import { ask } from "../both-ways.ts";
import { balanceOf, dataOf } from "../shop.ts";
import { type CardData, cardTheme, newEmail } from "./card-house.ts";

const toWallet = "UserGiftCardService/RedeemGiftCardToWallet";
const redeem = "UserGiftCardService/RedeemGiftCard";
const toOrder = "UserGiftCardService/CreateOrderFromGiftCard";
const unorder = "UserGiftCardService/CancelOrderAndRedeemToWallet";

/** Cards, as they are redeemed to a wallet and as an order. */
export const redeeming = cardTheme((house) => {
  const { on } = house;
  const refused = [400, "GIFT_CARD_NOT_REDEEMABLE", "Gift card cannot be redeemed"];

  test(`a holder redeems a card to their wallet, once ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const card = await house.make(maker, { recipient_email: holder.email });
    const { status, body } = await ask(t, holder.client, toWallet, { gift_card_id: card.id });
    t.is(status, 200);
    const redeemed = body.data as unknown as CardData;
    t.deepEqual(redeemed, {
      ...card,
      status: "used",
      status_label: "Used",
      redemption_method: "wallet",
      wallet_transaction: redeemed.wallet_transaction,
      redeemed_at: redeemed.redeemed_at,
      updated_at: redeemed.updated_at,
    });
    t.is(await balanceOf(holder.client), "20.00");
    for (const { client } of [holder, maker]) {
      t.deepEqual((await client.get(`/api/user/v3.1/gift-cards/${card.id}`)).body.data, redeemed as never);
    }
    const again = await ask(t, holder.client, toWallet, { gift_card_id: card.id });
    t.deepEqual([again.status, again.body.code, again.body.message], refused);
    t.is(await balanceOf(holder.client), "20.00");
  });

  test(`whoever has the code redeems a card ${on}`, async (t) => {
    const maker = await house.newMaker();
    for (const code of ["whole", "typed"]) {
      const card = await house.make(maker, { recipient_email: newEmail() });
      const { client } = await house.shop.newBuyer();
      const given = code === "whole" ? card.code : card.code.toLowerCase().replace(/(.{4})/g, "$1 ");
      const { status, text } = await ask(t, client, toWallet, { gift_card_id: card.id, code: given });
      t.is(status, 200, text);
      t.is(await balanceOf(client), "20.00");
    }
  });

  test(`the maker of a card that is meant for another needs its code ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.make(maker, { recipient_email: newEmail() });
    const { status, body } = await ask(t, maker.client, toWallet, { gift_card_id: card.id });
    t.deepEqual([status, body.code], [403, "GIFT_CARD_NOT_YOURS"]);
    t.is((await house.redeem(maker.client, card, card.code)).status, 200);
    t.is(await balanceOf(maker.client), "1000.00");
  });

  test(`a stranger without the code, or with another's, is told that there is no card ${on}`, async (t) => {
    const maker = await house.newMaker();
    const [card, other] = [await house.make(maker), await house.make(maker)];
    const { client } = await house.shop.newBuyer();
    for (const fields of [{}, { code: "GC0000000000000000" }, { code: other.code }]) {
      const answer = await ask(t, client, toWallet, { gift_card_id: card.id, ...fields });
      t.deepEqual([answer.status, answer.body.code], [404, "GIFT_CARD_NOT_FOUND"]);
    }
    t.is((await house.look(card)).status, "active");
  });

  test(`seed 000's flow redeems by id, by code, or by both, and answers the wallet ${on}`, async (t) => {
    const maker = await house.newMaker();
    const cards = [await house.make(maker), await house.make(maker), await house.make(maker)] as const;
    const { client } = await house.shop.newBuyer("5.00");
    for (const [asker, fields, balance] of [
      [maker.client, { gift_card_id: cards[0].id }, "960.00"],
      [client, { code: cards[1].code }, "25.00"],
      [client, { gift_card_id: cards[2].id, code: cards[2].code }, "45.00"],
    ] as const) {
      const { status, body, text } = await ask(t, asker, redeem, fields);
      t.is(status, 200, text);
      const { gift_card, wallet } = body.data as unknown as { gift_card: CardData; wallet: Record<string, unknown> };
      t.like(gift_card, { status: "used", redemption_method: "wallet" });
      t.like(wallet, { balance, currency: "SAR" });
      t.is(wallet.id, (await asker.get("/members/me/points")).body.data?.wallet_id);
    }
    const neither = await ask(t, client, redeem, {});
    t.is(neither.status, 422);
  });

  test(`a card that is not active, or of the wrong type, is not redeemable ${on}`, async (t) => {
    const maker = await house.newMaker();
    const [expired, cancelled, order] = [
      await house.make(maker),
      await house.make(maker),
      await house.makeOrderCard(maker),
    ];
    const wallet = await house.make(maker);
    await house.end([expired.id], "expired");
    await house.end([cancelled.id], "cancelled");
    for (const [rpc, card] of [
      [toWallet, expired],
      [toWallet, cancelled],
      [toWallet, order],
      [redeem, order],
      [toOrder, wallet],
      [toOrder, expired],
      [unorder, wallet],
      [unorder, order],
    ] as const) {
      const { status, body } = await ask(t, maker.client, rpc, { gift_card_id: card.id });
      t.deepEqual([status, body.code, body.message], refused, rpc);
    }
    t.is((await house.look(order)).status, "active");
    t.is((await house.look(wallet)).status, "active");
  });

  test(`an order card is ordered at the locked price, and the rest goes to the wallet ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const card = await house.makeOrderCard(maker, { recipient_email: holder.email });
    const { status, body } = await ask(t, holder.client, toOrder, { gift_card_id: card.id });
    t.is(status, 200);
    const { gift_card, order } = body.data as unknown as { gift_card: CardData; order: Record<string, unknown> };
    t.like(gift_card, { id: card.id, status: "used", redemption_method: "order", wallet_transaction: null });
    t.like(order, { user_id: holder.id, total_amount: "15.00", status: "pending", payment_method: "gift_card" });
    t.is(await balanceOf(holder.client), "5.00");
    const read = dataOf<Record<string, unknown>>(await holder.client.get(`/orders/${order.id}`));
    t.deepEqual(read, order);
    const again = await ask(t, holder.client, toOrder, { gift_card_id: card.id });
    t.deepEqual([again.status, again.body.code, again.body.message], refused);
  });

  test(`what cannot be ordered leaves the card active ${on}`, async (t) => {
    const maker = await house.newMaker();
    const fields = await house.orderFields(0);
    const card = await house.make(maker, { ...fields, amount: "20.00" });
    const { status, body } = await ask(t, maker.client, toOrder, { gift_card_id: card.id });
    t.deepEqual([status, body.code], [400, "OUT_OF_STOCK"]);
    t.is((await house.look(card)).status, "active");
    await house.shop.admin.post(`/admin-api/products/${fields.product_id}/stock`, { delta: 1 });
    t.is((await house.order(maker.client, card)).status, 200);
  });

  test(`a product that is not on sale any more cannot be ordered, and the card stays active ${on}`, async (t) => {
    const maker = await house.newMaker();
    const fields = await house.orderFields();
    const card = await house.make(maker, fields);
    await house.shop.change("products", fields.product_id, { active: false });
    const { status, body } = await ask(t, maker.client, toOrder, { gift_card_id: card.id });
    t.deepEqual([status, body.code], [404, "PRODUCT_NOT_FOUND"]);
    t.is((await house.look(card)).status, "active");
  });

  test(`an order of a card is cancelled to the wallet, and its stock is back ${on}`, async (t) => {
    const maker = await house.newMaker();
    const fields = await house.orderFields(1);
    const card = await house.make(maker, { ...fields, amount: "20.00" });
    await house.order(maker.client, card);
    t.is((await house.shop.stockOf(fields.product_id)).sold, 1);
    const { status, body } = await ask(t, maker.client, unorder, { gift_card_id: card.id });
    t.is(status, 200);
    t.like(body.data, {
      status: "used",
      redemption_method: "wallet",
      order: { status: "cancelled" },
      wallet_transaction: { amount: "15.00", type: "credit", status: "completed" },
    });
    t.is(await balanceOf(maker.client), "1000.00");
    t.deepEqual(await house.shop.stockOf(fields.product_id), { stock: 1, held: 0, sold: 0 });
    const again = await ask(t, maker.client, unorder, { gift_card_id: card.id });
    t.deepEqual([again.status, again.body.code], [400, "GIFT_CARD_NOT_REDEEMABLE"]);
  });

  test(`an order that its vendor has completed is final ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.makeOrderCard(maker);
    const order = dataOf<{ order: { id: number } }>(await house.order(maker.client, card)).order;
    dataOf(await house.seller.post(`/api/vendor/v3.1/orders/${order.id}/complete`));
    t.like(await house.look(card), { order: { status: "completed" } });
    const { status, body } = await ask(t, maker.client, unorder, { gift_card_id: card.id });
    t.deepEqual([status, body.code], [400, "ORDER_NOT_CANCELLABLE"]);
    t.like(await house.look(card), { status: "used", redemption_method: "order" });
  });

  test(`only who has ordered cancels the order: others are told what they are told of redeeming ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const card = await house.makeOrderCard(maker, { recipient_email: holder.email });
    await house.order(holder.client, card);
    const { client: stranger } = await house.shop.newBuyer();
    t.is((await house.cancelOrder(stranger, card)).status, 404);
    t.is((await house.cancelOrder(maker.client, card)).status, 403);
    t.is((await house.cancelOrder(holder.client, card)).status, 200);
  });

  test(`who ordered with the code cancels without it ${on}`, async (t) => {
    const card = await house.makeOrderCard(await house.newMaker(), { recipient_email: newEmail() });
    const { client } = await house.shop.newBuyer();
    t.is((await house.order(client, card, card.code)).status, 200);
    t.is((await house.cancelOrder(client, card)).status, 200);
    t.is(await balanceOf(client), "20.00");
  });

  test(`the sender hears when another has redeemed the card ${on}`, async (t) => {
    const sender = await house.newReader();
    dataOf(await sender.client.post("/members/me/points/charge", { amount: 100 }));
    const card = await house.make(sender, { recipient_email: newEmail() });
    await house.redeem((await house.shop.newBuyer()).client, card, card.code);
    const [message] = await house.told(sender.email, 2);
    t.is(message?.subject, "Your gift card has been redeemed");
    t.false(message?.body.includes(card.code));
  });

  test(`an idempotency key has a redeem answered again, and another's key has not ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.make(maker);
    const headers = { "idempotency-key": randomUUID() };
    const path = `/api/user/v3.1/gift-cards/${card.id}/redeem-wallet`;
    const answers = [];
    for (let one = 0; one < 3; one++) answers.push(await maker.client.post(path, {}, headers));
    t.is(new Set(answers.map(({ text }) => text)).size, 1);
    t.is(answers[0]?.status, 200);
    t.is((await maker.client.post(path, {}, { "idempotency-key": randomUUID() })).status, 400);
    t.is(await balanceOf(maker.client), "1000.00");
  });
});
