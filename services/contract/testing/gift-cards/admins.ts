import test from "ava";
import { ask, type Fields } from "../both-ways.ts";
import { idsOf } from "../lists.ts";
import { balanceOf, dataOf } from "../shop.ts";
import { adminBase, type CardData, cardTheme, newEmail, userBase } from "./card-house.ts";

const list = "AdminGiftCardService/ListAllGiftCards";
const issue = "AdminGiftCardService/IssueGiftCard";
const read = "AdminGiftCardService/GetAnyGiftCard";
const byCode = "AdminGiftCardService/GetAnyGiftCardByCode";
const update = "AdminGiftCardService/UpdateGiftCard";
const remove = "AdminGiftCardService/DeleteGiftCard";

const maskOf = ({ code_last4 }: CardData) => `${"*".repeat(14)}${code_last4}`;

/** All cards, as admins make, see and change them. */
export const admins = cardTheme((house) => {
  const { on, admin } = house;
  const finals = [400, "GIFT_CARD_FINAL"];

  test(`an admin makes a card from the house's promotions, in a member's name ${on}`, async (t) => {
    const [member, email] = [await house.shop.newBuyer(), newEmail()];
    const fields = {
      gift_type: "wallet",
      amount: "50.00",
      notes: "Sorry!",
      user_id: member.id,
      recipient_email: email,
    };
    const answer = await ask(t, admin, issue, fields);
    t.is(answer.status, 201);
    const card = dataOf<CardData>(answer);
    t.like(card, { amount: "50.00", notes: "Sorry!", sender: { id: member.id, name: member.username } });
    t.regex(card.code, /^GC[0-9A-Z]{16}$/, "to whoever has made it");
    t.true((await house.told(email, 1))[0]?.body.includes(card.code));
    t.is(await balanceOf(member.client), "0.00");
    const shown = (await member.client.get(`${userBase}/${card.id}`)).body.data;
    t.like(shown, { code: card.code });
    t.false("notes" in (shown ?? {}), "are the admins' own");
    const { client } = await house.shop.newBuyer();
    await house.redeem(client, card, card.code);
    t.is(await balanceOf(client), "50.00");
  });

  test(`a card that an admin makes for nobody in particular is theirs, and redeemed by its code ${on}`, async (t) => {
    const card = await house.issue();
    t.is((await admin.get(`${userBase}/${card.id}`)).status, 200);
    const { client } = await house.shop.newBuyer();
    t.is((await house.redeem(client, card)).status, 404);
    t.is((await house.redeem(client, card, card.code)).status, 200);
  });

  test(`what is wrong with a card that an admin makes is said of its field ${on}`, async (t) => {
    const usual = { gift_type: "wallet", amount: "50.00" };
    for (const [changes, field] of [
      [{ user_id: 999_999_999 }, "user_id"],
      [{ status: "used" }, "status"],
      [{ status: "expired" }, "status"],
      [{ expires_at: "2020-01-01" }, "expires_at"],
      [{ background_image_id: 999_999_999 }, "background_image_id"],
      [{ gift_type: "order", vendor_id: house.vendorId, product_id: 999_999_999 }, "product_id"],
    ] as const) {
      const { status, body, text } = await ask(t, admin, issue, { ...usual, ...changes });
      t.is(status, 422, text);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    }
  });

  test(`all that is wrong with it is said at once ${on}`, async (t) => {
    const fields = { gift_type: "wallet", amount: "1.001", user_id: 999_999_999, expires_at: "2020-01-01" };
    const { status, body } = await ask(t, admin, issue, fields);
    t.is(status, 422);
    t.deepEqual(Object.keys(body.errors ?? {}).sort(), ["amount", "expires_at", "user_id"]);
  });

  test(`an admin reads any card, its code masked unless it is theirs or they give it ${on}`, async (t) => {
    const card = await house.make(await house.newMaker(), { recipient_email: newEmail() });
    const { status, body } = await ask(t, admin, read, { gift_card_id: card.id });
    t.is(status, 200);
    t.deepEqual(body.data, { ...card, code: maskOf(card), notes: "" } as never);
    t.is((await house.look(await house.issue())).code.slice(0, 2), "GC");
    const found = await ask(t, admin, byCode, { code: card.code.toLowerCase() });
    t.deepEqual(found.body.data, { ...card, notes: "" } as never);
    const missing = await ask(t, admin, read, { gift_card_id: 999_999_999 });
    t.deepEqual([missing.status, missing.body.code], [404, "GIFT_CARD_NOT_FOUND"]);
  });

  test(`admins have a guess budget too ${on}`, async (t) => {
    const other = await house.shop.newAdmin();
    const miss = () => other.get(`${adminBase}/code?code=GC0000000000000000`);
    for (let one = 0; one < 10; one++) t.is((await miss()).status, 404);
    const { status, body } = await miss();
    t.deepEqual([status, body.code], [429, "TOO_MANY_GUESSES"]);
  });

  test(`all cards are listed with every filter, and the same by cursor ${on}`, async (t) => {
    const maker = await house.newMaker();
    const [wallet, order, used, ordered, unordered, expired, cancelled] = [
      await house.make(maker),
      await house.makeOrderCard(maker),
      await house.make(maker),
      await house.makeOrderCard(maker),
      await house.makeOrderCard(maker),
      await house.make(maker),
      await house.makeOrderCard(maker),
    ];
    await house.redeem(maker.client, used);
    for (const card of [ordered, unordered]) await house.order(maker.client, card);
    await house.cancelOrder(maker.client, unordered);
    await house.end([expired.id], "expired");
    await house.end([cancelled.id], "cancelled");
    const own = [wallet, order, used, ordered, unordered, expired, cancelled];
    for (const [filter, expected] of [
      [{}, own],
      [{ status: "active" }, [wallet, order]],
      [{ status: "used" }, [used, ordered, unordered]],
      [{ status: "used", gift_type: "order" }, [ordered, unordered]],
      [{ redemption_method: "wallet" }, [used, unordered]],
      [{ redemption_method: "order" }, [ordered]],
      [{ redemption_method: "pending" }, [wallet, order, expired, cancelled]],
      [{ redemption_method: "pending", status: "expired" }, [expired]],
      [{ redemption_method: "wallet", gift_type: "order" }, [unordered]],
      [{ status: "cancelled", gift_type: "order" }, [cancelled]],
      [{ status: "active", redemption_method: "order" }, []],
    ] as const) {
      const seen: number[] = [];
      let more: Fields = {};
      for (let pages = 0; pages < 20 && seen.length < 300; pages++) {
        const { body } = await admin.get(
          `${adminBase}?${new URLSearchParams({ ...filter, ...more } as never)}&per_page=50`,
        );
        seen.push(...(body.data as unknown as CardData[]).map(({ id }) => id));
        if (!body.meta?.next_cursor) break;
        more = { cursor: body.meta.next_cursor };
      }
      t.deepEqual(
        seen.filter((id) => own.some((card) => card.id === id)),
        expected.map(({ id }) => id).sort((a, b) => b - a),
        JSON.stringify(filter),
      );
      t.deepEqual(
        seen,
        seen.toSorted((a, b) => b - a),
      );
    }
    const none = await ask(t, admin, list, { status: "active", redemption_method: "order" });
    t.is(none.body.meta?.total, 0);
    const page = await admin.get(`${adminBase}?per_page=3`);
    t.is(idsOf(page).length, 3);
    t.deepEqual(Object.keys(page.body.meta ?? {}), ["current_page", "per_page", "total", "last_page", "next_cursor"]);
  });

  test(`an update changes what it names, and nothing else ${on}`, async (t) => {
    const card = await house.make(await house.newMaker(), { message: "Hi", recipient_email: newEmail() });
    const before = await house.look(card);
    const fields = {
      message: "Hello",
      background_color: "#A8E6CF",
      recipient_name: "Jane",
      notes: "Called twice",
      expires_at: "2099-12-31",
    };
    const answer = await ask(t, admin, update, { gift_card_id: card.id, ...fields });
    t.is(answer.status, 200);
    t.is(answer.body.message, "Updated successfully");
    const after = dataOf<CardData>(answer);
    t.deepEqual(after, {
      ...before,
      ...fields,
      expires_at: "2099-12-31T23:59:59.999999Z",
      updated_at: after.updated_at,
    });
    t.deepEqual(await house.look(card), after);
    const nothing = dataOf<CardData>(await house.update(card, {}));
    t.deepEqual(nothing, after, "not even when it was updated");
    const asItIs = dataOf<CardData>(
      await house.update(card, { gift_type: "wallet", amount: "20.00", status: "active" }),
    );
    t.deepEqual(asItIs, after);
  });

  test(`a new amount moves the difference from or to whoever paid ${on}`, async (t) => {
    const maker = await house.newMaker("100.00");
    const card = await house.make(maker);
    t.is(await balanceOf(maker.client), "80.00");
    t.like((await ask(t, admin, update, { gift_card_id: card.id, amount: "50.00" })).body.data, { amount: "50.00" });
    t.is(await balanceOf(maker.client), "50.00");
    await house.update(card, { amount: "10.00" });
    t.is(await balanceOf(maker.client), "90.00");
    const tooMuch = await ask(t, admin, update, { gift_card_id: card.id, amount: "100.01" });
    t.deepEqual([tooMuch.status, tooMuch.body.code], [400, "INSUFFICIENT_BALANCE"]);
    t.is((await house.look(card)).amount, "10.00");
    t.is((await house.redeem(maker.client, card)).status, 200);
    t.is(await balanceOf(maker.client), "100.00");
    t.is((await house.update(await house.issue(), { amount: "999.00" })).status, 200, "the house pays its own");
  });

  test(`what is wrong with an update is said of its field ${on}`, async (t) => {
    const card = await house.makeOrderCard(await house.newMaker());
    for (const [fields, field] of [
      [{ amount: "14.99" }, "amount"],
      [{ amount: "20.001" }, "amount"],
      [{ expires_at: "2020-01-01" }, "expires_at"],
      [{ recipient_number: "12345" }, "recipient_number"],
      [{ background_image_id: 999_999_999 }, "background_image_id"],
      [{ user_id: 999_999_999 }, "user_id"],
    ] as const) {
      const { status, body } = await ask(t, admin, update, { gift_card_id: card.id, ...fields });
      t.is(status, 422);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    }
    const missing = await ask(t, admin, update, { gift_card_id: 999_999_999, message: "Hi" });
    t.deepEqual([missing.status, missing.body.code], [404, "GIFT_CARD_NOT_FOUND"]);
  });

  test(`what a card is good for cannot be changed ${on}`, async (t) => {
    const card = await house.makeOrderCard(await house.newMaker());
    for (const fields of [
      { gift_type: "wallet" },
      { currency: "KRW" },
      { vendor_id: 999_999_999 },
      { product_id: 999_999_999 },
      { offer_id: 1 },
    ]) {
      const { status, body } = await ask(t, admin, update, { gift_card_id: card.id, ...fields });
      t.deepEqual([status, body.code], finals, JSON.stringify(fields));
    }
    t.is((await house.update(card, { gift_type: "order", currency: "SAR", vendor_id: house.vendorId })).status, 200);
  });

  test(`an admin makes no card their own that somebody has paid for ${on}`, async (t) => {
    const client = await house.shop.newAdmin();
    const { id: user_id } = dataOf<{ id: number }>(await client.get("/auth/me"));
    for (const fields of [{}, { recipient_email: newEmail() }]) {
      const card = await house.make(await house.newMaker(), fields);
      const { status, body } = await ask(t, client, update, { gift_card_id: card.id, user_id });
      t.deepEqual([status, body.code], finals);
      t.deepEqual((await house.look(card)).sender, card.sender);
      t.is((await house.redeem(client, card)).status, 404);
    }
  });

  test(`an admin who takes a card of the house's is not shown its code for that ${on}`, async (t) => {
    const client = await house.shop.newAdmin();
    const { id: user_id } = dataOf<{ id: number }>(await client.get("/auth/me"));
    const { id: ownerId } = await house.shop.newBuyer();
    const card = await house.issue({ user_id: ownerId, recipient_email: newEmail() });
    const { status, body } = await ask(t, client, update, { gift_card_id: card.id, user_id });
    t.is(status, 200);
    t.like(body.data, { sender: { id: user_id }, code: maskOf(card) });
  });

  test(`value and state of a card that is not active are final, what is written on it is not ${on}`, async (t) => {
    const maker = await house.newMaker();
    const [used, expired, cancelled] = [await house.make(maker), await house.make(maker), await house.make(maker)];
    await house.redeem(maker.client, used);
    await house.end([expired.id], "expired");
    await house.end([cancelled.id], "cancelled");
    for (const card of [used, expired, cancelled]) {
      const { status: present } = await house.look(card);
      const others = ["active", "used", "expired", "cancelled"].filter((one) => one !== present);
      for (const fields of [
        { amount: "30.00" },
        { expires_at: "2099-12-31" },
        ...others.map((status) => ({ status })),
      ]) {
        const { status, body } = await ask(t, admin, update, { gift_card_id: card.id, ...fields });
        t.deepEqual([status, body.code], finals, `${present} ${JSON.stringify(fields)}`);
      }
      t.is((await house.update(card, { notes: "Seen", status: present, amount: "20.00" })).status, 200);
      t.like(await house.look(card), { notes: "Seen", status: present, amount: "20.00" });
    }
    t.is(await balanceOf(maker.client), "1000.00");
  });

  test(`an update to expired or cancelled gives the value back ${on}`, async (t) => {
    const maker = await house.newMaker();
    for (const status of ["expired", "cancelled"]) {
      const card = await house.make(maker);
      t.is(await balanceOf(maker.client), "980.00");
      const answer = await ask(t, admin, update, { gift_card_id: card.id, status, notes: "Over" });
      t.like(answer.body.data, { status, notes: "Over" });
      t.is(await balanceOf(maker.client), "1000.00");
    }
    t.is((await house.update(await house.make(maker), { status: "used" })).body.code, "GIFT_CARD_FINAL");
  });

  test(`a card that is given another recipient is theirs, with a code that they alone are told ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const card = await house.make(maker, { recipient_email: newEmail() });
    t.is((await house.redeem(holder.client, card)).status, 404);
    await house.update(card, { recipient_email: holder.email.toUpperCase() });
    const { code } = dataOf<CardData>(await maker.client.get(`${userBase}/${card.id}`));
    t.true((await house.told(holder.email, 2))[0]?.body.includes(code));
    const { client: first } = await house.shop.newBuyer();
    t.is((await first.post("/gift-cards/redeem", { code: card.code })).body.code, "GIFT_CARD_NOT_FOUND");
    t.is((await first.get(`${userBase}/code?code=${code}`)).status, 200);
    t.is((await house.redeem(holder.client, card)).status, 200);
  });

  test(`deleting an active card gives its value back first; a used one is just gone ${on}`, async (t) => {
    const maker = await house.newMaker();
    const [active, used] = [await house.make(maker), await house.make(maker)];
    await house.redeem(maker.client, used);
    t.is(await balanceOf(maker.client), "980.00");
    const { status, body } = await ask(t, admin, remove, { gift_card_id: active.id });
    t.deepEqual([status, body.success, body.message], [200, true, "Deleted successfully"]);
    t.is(await balanceOf(maker.client), "1000.00");
    t.is((await house.remove(used)).status, 200);
    t.is(await balanceOf(maker.client), "1000.00");
    for (const card of [active, used]) {
      t.is((await admin.get(`${adminBase}/${card.id}`)).status, 404);
      t.is((await house.update(card, { notes: "?" })).status, 404);
      const again = await ask(t, admin, remove, { gift_card_id: card.id });
      t.deepEqual([again.status, again.body.code], [404, "GIFT_CARD_NOT_FOUND"]);
    }
  });
});
