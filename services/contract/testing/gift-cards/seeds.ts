import test from "ava";
import { balanceOf, dataOf, iso } from "../shop.ts";
import { adminBase, type CardData, cardTheme, userBase } from "./card-house.ts";

/** Every example of seed 002, as it stands there; only ids are those of things that are there. */
export const seeds = cardTheme((house) => {
  const { on } = house;

  const createWallet = {
    gift_type: "wallet",
    amount: 200,
    currency: "SAR",
    background_color: "#FF8B85",
    message: "Enjoy your gift!",
    recipient_name: "Jane Doe",
    recipient_email: "jane@example.com",
  };

  test(`seed 002: create wallet gift card ${on}`, async (t) => {
    const { client } = await house.newMaker();
    const { status, body } = await client.post(userBase, createWallet);
    t.is(status, 201);
    t.like(body, {
      success: true,
      message: "Created successfully",
      data: {
        gift_type: "wallet",
        gift_type_label: "Wallet Credit",
        amount: "200.00",
        currency: "SAR",
        status: "active",
        status_label: "Active",
        redemption_method: "pending",
        message: "Enjoy your gift!",
        recipient_name: "Jane Doe",
        recipient_email: "jane@example.com",
      },
    });
    const { id, code, created_at } = dataOf<CardData>({ status, body, text: "", headers: new Headers() });
    t.true(Number.isInteger(id));
    t.regex(code, /^GC/);
    t.regex(created_at, iso);
  });

  test(`seed 002: create gift card with every field ${on}`, async (t) => {
    const product_id = await house.shop.newProduct({ vendor_id: house.vendorId, price: "90.00" });
    const offer_id = await house.shop.newOffer(product_id, "80.00");
    const { client } = await house.newMaker();
    const { status, body } = await client.post(userBase, {
      gift_type: "order",
      amount: 100,
      currency: "SAR",
      background_color: "#FF8B85",
      message: "Happy Birthday!",
      recipient_name: "John Doe",
      recipient_email: "john@example.com",
      recipient_number: "+966501234567",
      expires_at: "2099-12-31",
      vendor_id: house.vendorId,
      product_id,
      offer_id,
    });
    t.is(status, 201, JSON.stringify(body));
    t.like(body.data, {
      gift_type: "order",
      gift_type_label: "Order",
      amount: "100.00",
      background_color: "#FF8B85",
      background_image: null,
      recipient_number: "+966501234567",
      expires_at: "2099-12-31T23:59:59.999999Z",
      vendor_id: house.vendorId,
      product_id,
      offer_id,
    });
  });

  test(`seed 002: create order gift card, and order from it ${on}`, async (t) => {
    const product_id = await house.shop.newProduct({ vendor_id: house.vendorId, price: "150.00" });
    const maker = await house.newMaker();
    const { status, body } = await maker.client.post(userBase, {
      gift_type: "order",
      vendor_id: house.vendorId,
      product_id,
      amount: 150,
      currency: "SAR",
      background_color: "#87CEEB",
      message: "Special offer for you!",
      recipient_name: "Bob Smith",
      recipient_email: "bob@example.com",
    });
    t.is(status, 201);
    const card = body.data as unknown as CardData;
    const { client, id: user_id } = await house.shop.newBuyer();
    const ordered = await house.order(client, card, card.code);
    t.is(ordered.status, 200, ordered.text);
    t.like(ordered.body, {
      success: true,
      message: "Order created from gift card successfully",
      data: {
        gift_card: {
          id: card.id,
          code: card.code,
          gift_type: "order",
          status: "used",
          redemption_method: "order",
          order: { status: "pending", total_amount: "150.00" },
        },
        order: {
          user_id,
          vendor_id: house.vendorId,
          product_id,
          total_amount: "150.00",
          status: "pending",
          payment_method: "gift_card",
        },
      },
    });
    const { gift_card, order } = dataOf<{ gift_card: CardData; order: { id: number } }>(ordered);
    t.is(gift_card.order?.id, order.id);
    t.regex(String((gift_card.order as unknown as { created_at: string }).created_at), iso);
  });

  test(`seed 002: redeem to wallet ${on}`, async (t) => {
    const maker = await house.newMaker();
    const { recipient_name: _, recipient_email: __, ...own } = createWallet;
    const card = dataOf<CardData>(await maker.client.post(userBase, own));
    t.is(await balanceOf(maker.client), "800.00");
    const { status, body } = await house.redeem(maker.client, card);
    t.is(status, 200);
    t.like(body, {
      success: true,
      message: "Gift card redeemed to wallet successfully",
      data: {
        id: card.id,
        code: card.code,
        gift_type: "wallet",
        amount: "200.00",
        status: "used",
        redemption_method: "wallet",
        wallet_transaction: { amount: "200.00", type: "credit", status: "completed" },
      },
    });
    const { redeemed_at, wallet_transaction } = body.data as unknown as CardData;
    t.regex(redeemed_at ?? "", iso);
    const { id, created_at } = wallet_transaction as unknown as { id: number; created_at: string };
    t.regex(created_at, iso);
    const log = dataOf<{ id: number }[]>(await maker.client.get("/members/me/points/transactions"));
    t.is(log[0]?.id, id);
    t.is(await balanceOf(maker.client), "1000.00");
  });

  test(`seed 002: create gift card as an admin ${on}`, async (t) => {
    const { id: user_id } = await house.shop.newBuyer();
    const { status, body } = await house.admin.post(adminBase, {
      gift_type: "wallet",
      amount: 500,
      currency: "SAR",
      background_color: "#FFD3B6",
      message: "Admin created gift card",
      notes: "Internal admin notes",
      recipient_name: "Admin User",
      recipient_email: "admin@example.com",
      recipient_number: "+966501234567",
      user_id,
      status: "active",
      expires_at: "2099-12-31",
    });
    t.is(status, 201, JSON.stringify(body));
    t.like(body, {
      message: "Created successfully",
      data: { amount: "500.00", notes: "Internal admin notes", status: "active", sender: { id: user_id } },
    });
  });

  test(`seed 002: statistics ${on}`, async (t) => {
    const { status, body } = await house.admin.get(`${adminBase}/statistics`);
    t.is(status, 200);
    t.is(body.message, "Success");
    const data = body.data ?? {};
    for (const name of ["total", "active", "used", "expired", "cancelled"])
      t.is(typeof data[`${name}_gift_cards`], "number");
    for (const name of ["wallet_type", "order_type", "this_month", "this_year"]) t.is(typeof data[name], "number");
    for (const name of ["total_amount", "redeemed_amount"]) t.regex(String(data[name]), /^\d+\.\d\d$/);
  });

  test(`seed 002: bulk update status ${on}`, async (t) => {
    const ids = [(await house.issue()).id, (await house.issue()).id, (await house.issue()).id];
    const { status, body } = await house.end(ids, "expired");
    t.is(status, 200);
    t.like(body, { success: true, data: { updated_count: 3, skipped: [] } });
    for (const id of ids) t.is((await house.look({ id })).status, "expired");
  });

  test(`seed 002: a validation error ${on}`, async (t) => {
    const { client } = await house.newMaker();
    const { status, body } = await client.post(userBase, { gift_type: "wallet", recipient_email: "nobody" });
    t.is(status, 422);
    t.like(body, {
      success: false,
      message: "Validation error",
      errors: {
        amount: ["The amount field is required."],
        recipient_email: ["The recipient email must be a valid email address."],
      },
    });
  });

  test(`seed 002: a card that is not there, and one that cannot be redeemed ${on}`, async (t) => {
    const maker = await house.newMaker();
    const missing = await maker.client.get(`${userBase}/999999999`);
    t.is(missing.status, 404);
    t.like(missing.body, { success: false, message: "Gift card not found", code: "GIFT_CARD_NOT_FOUND" });
    const card = await house.make(maker);
    await house.redeem(maker.client, card);
    const again = await house.redeem(maker.client, card);
    t.is(again.status, 400);
    t.like(again.body, { success: false, message: "Gift card cannot be redeemed", code: "GIFT_CARD_NOT_REDEEMABLE" });
  });
});
