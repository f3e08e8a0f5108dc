import test from "ava";
import { ask } from "../both-ways.ts";
import { balanceOf, dataOf, iso } from "../shop.ts";
import { type CardData, cardTheme, newEmail, userBase } from "./card-house.ts";

/** Cards, as users make them. */
export const creating = cardTheme((house) => {
  const { on } = house;
  const create = "UserGiftCardService/CreateGiftCard";

  test(`a card is paid when it is made, and shown to the field ${on}`, async (t) => {
    const maker = await house.newMaker("100.00");
    const answer = await ask(t, maker.client, create, { gift_type: "wallet", amount: "20.00" });
    t.is(answer.status, 201);
    const card = dataOf<CardData>(answer);
    t.deepEqual(card, {
      id: card.id,
      code: card.code,
      code_last4: card.code.slice(-4),
      gift_type: "wallet",
      gift_type_label: "Wallet Credit",
      amount: "20.00",
      currency: "SAR",
      background_color: null,
      background_image: null,
      message: null,
      recipient_name: null,
      recipient_email: null,
      recipient_number: null,
      sender: { id: maker.id, name: maker.username },
      vendor_id: null,
      product_id: null,
      offer_id: null,
      status: "active",
      status_label: "Active",
      redemption_method: "pending",
      wallet_transaction: null,
      order: null,
      redeemed_at: null,
      expires_at: null,
      created_at: card.created_at,
      updated_at: card.updated_at,
    });
    t.regex(card.code, /^GC[0-9A-HJKMNP-TV-Z]{16}$/);
    for (const time of [card.created_at, card.updated_at]) t.regex(time, iso);
    t.is(await balanceOf(maker.client), "80.00", "once, though it was asked for several times");
  });

  test(`a maker without balance makes none ${on}`, async (t) => {
    const maker = await house.newMaker("10.00");
    const { status, body } = await ask(t, maker.client, create, { gift_type: "wallet", amount: "10.01" });
    t.deepEqual([status, body.code], [400, "INSUFFICIENT_BALANCE"]);
    t.is(await balanceOf(maker.client), "10.00");
    t.is((await maker.client.get(userBase)).body.meta?.total, 0);
  });

  test(`an order card costs what it says, at least the price; the product's where nothing is said ${on}`, async (t) => {
    const maker = await house.newMaker();
    const fields = await house.orderFields();
    t.like(await house.make(maker, { ...fields, amount: undefined }), { amount: "15.00", gift_type_label: "Order" });
    t.like(await house.make(maker, { ...fields, amount: "15.01" }), { amount: "15.01" });
    const tooLittle = await ask(t, maker.client, create, { ...fields, amount: "14.99" });
    t.is(tooLittle.status, 422);
    t.deepEqual(Object.keys(tooLittle.body.errors ?? {}), ["amount"]);
  });

  test(`an order card of an offer costs the offer's price ${on}`, async (t) => {
    const maker = await house.newMaker();
    const fields = await house.orderFields();
    const offer_id = await house.shop.newOffer(fields.product_id, "12.00");
    t.like(await house.make(maker, { ...fields, offer_id, amount: undefined }), { amount: "12.00", offer_id });
  });

  test(`the price is locked for the card: it is redeemed at it, and the rest goes to the wallet ${on}`, async (t) => {
    const maker = await house.newMaker();
    const fields = await house.orderFields();
    const card = await house.make(maker, { ...fields, amount: "20.00" });
    await house.shop.change("products", fields.product_id, { price: "99.00" });
    const { body, text } = await house.order(maker.client, card);
    t.like(body.data?.order, { total_amount: "15.00" }, text);
    t.is(await balanceOf(maker.client), "985.00");
  });

  test(`what is wrong with an order card is said of its field ${on}`, async (t) => {
    const maker = await house.newMaker();
    const fields = await house.orderFields();
    const other = await house.shop.newVendor();
    const offer_id = await house.shop.newOffer(await house.shop.newProduct({ vendor_id: house.vendorId }), "5.00");
    const gone = await house.shop.newProduct({ vendor_id: house.vendorId, active: false });
    for (const [changes, field] of [
      [{ vendor_id: undefined }, "vendor_id"],
      [{ vendor_id: other }, "vendor_id"],
      [{ product_id: undefined }, "product_id"],
      [{ product_id: 999_999_999 }, "product_id"],
      [{ product_id: gone }, "product_id"],
      [{ offer_id: 999_999_999 }, "offer_id"],
      [{ offer_id }, "offer_id"],
      [{ currency: "KRW" }, "currency"],
    ] as const) {
      const wanted = Object.fromEntries(
        Object.entries({ ...fields, ...changes }).filter(([, value]) => value !== undefined),
      );
      const { status, body, text } = await ask(t, maker.client, create, wanted);
      t.is(status, 422, text);
      t.deepEqual(Object.keys(body.errors ?? {}), [field], JSON.stringify(changes));
    }
    t.is(await balanceOf(maker.client), "1000.00");
  });

  test(`what no rule can say of a card is said of its field ${on}`, async (t) => {
    const maker = await house.newMaker();
    const usual = { gift_type: "wallet", amount: "20.00" };
    for (const [changes, field] of [
      [{ amount: "0" }, "amount"],
      [{ amount: "-1" }, "amount"],
      [{ amount: "1.001" }, "amount"],
      [{ amount: "90071992547409.92" }, "amount"],
      [{ amount: "1.5", currency: "KRW" }, "amount"],
      [{ amount: "many" }, "amount"],
      [{ currency: "XXX" }, "currency"],
      [{ expires_at: "2020-01-01" }, "expires_at"],
      [{ recipient_number: "12345" }, "recipient_number"],
      [{ background_image_id: 999_999_999 }, "background_image_id"],
    ] as const) {
      const { status, body, text } = await ask(t, maker.client, create, { ...usual, ...changes });
      t.is(status, 422, text);
      t.deepEqual(Object.keys(body.errors ?? {}), [field], JSON.stringify(changes));
    }
  });

  test(`amounts have the digits of their currency ${on}`, async (t) => {
    for (const [currency, amount] of [
      ["KRW", "200"],
      ["KWD", "200.000"],
      ["SAR", "200.00"],
    ] as const) {
      const maker = await house.shop.newBuyer("500", currency);
      t.like(await house.make(maker, { amount: 200, currency }), { amount, currency });
    }
  });

  test(`a recipient's address is kept in lower case, and a national number as an international one ${on}`, async (t) => {
    const email = newEmail();
    const maker = await house.newMaker();
    const card = await house.make(maker, { recipient_email: email.toUpperCase(), recipient_number: "0912345678" });
    t.like(card, { recipient_email: email, recipient_number: "+84912345678" });
  });

  test(`the recipient is told, with the code, by email, or by SMS if there is only a number ${on}`, async (t) => {
    const maker = await house.newMaker();
    const email = newEmail();
    const both = await house.make(maker, { recipient_email: email, recipient_number: "+966501234567" });
    const [mail] = await house.told(email, 1);
    t.is(mail?.channel, "email");
    t.true(mail?.body.includes(both.code));
    const number = `+96650${String(Math.random()).slice(2, 9)}`;
    const one = await house.make(maker, { recipient_number: number });
    const [sms] = await house.told(number, 1);
    t.is(sms?.channel, "sms");
    t.true(sms?.body.includes(one.code));
  });

  test(`the options say what a card can be made of ${on}`, async (t) => {
    const { client } = await house.shop.newBuyer();
    const { status, body } = await ask(t, client, "UserGiftCardService/GetGiftCardOptions");
    t.is(status, 200);
    const { background_colors, background_images, gift_types, currencies } = body.data ?? {};
    t.true((background_colors as string[]).every((color) => /^#[0-9A-F]{6}$/.test(color)));
    t.true(Array.isArray(background_images));
    t.deepEqual(gift_types, [
      { value: "wallet", label: "Wallet Credit" },
      { value: "order", label: "Order" },
    ]);
    t.is((currencies as string[])[0], "SAR");
    t.true((currencies as string[]).includes("KWD"));
  });
});
