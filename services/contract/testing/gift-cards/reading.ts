import test from "ava";
import type { RestClient } from "../../../testing/rest-client.ts";
import { ask } from "../both-ways.ts";
import { idsOf, walk } from "../lists.ts";
import { dataOf } from "../shop.ts";
import { type CardData, cardTheme, userBase } from "./card-house.ts";

const read = "UserGiftCardService/GetGiftCard";
const byCode = "UserGiftCardService/GetGiftCardByCode";

/** Cards, as those see them who gave, hold or have the code of them. */
export const reading = cardTheme((house) => {
  const { on } = house;
  const listed = async (client: RestClient, path: string) => idsOf(await client.get(`${userBase}${path}`));

  test(`sent and received cards are listed, the newest first, each once ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const kept = await house.make(maker);
    const given = await house.make(maker, { recipient_email: holder.email });
    const toSelf = await house.make(maker, { recipient_email: "somebody@example.com" });
    const ids = [toSelf.id, given.id, kept.id];
    t.deepEqual(await listed(maker.client, ""), ids);
    t.deepEqual(await listed(maker.client, "/my"), ids);
    t.deepEqual(await listed(maker.client, "/my?type=all"), ids);
    t.deepEqual(await listed(maker.client, "/my?type=sent"), ids);
    t.deepEqual(await listed(maker.client, "/my?type=received"), [kept.id], "of a card that names nobody, its maker");
    t.deepEqual(await listed(holder.client, ""), [given.id]);
    t.deepEqual(await listed(holder.client, "/my?type=sent"), []);
    t.deepEqual(await listed(holder.client, "/my?type=received"), [given.id]);
    t.deepEqual(await listed((await house.shop.newBuyer()).client, ""), []);
  });

  test(`lists are filtered, and walked by page and by cursor ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const ids: number[] = [];
    for (let one = 0; one < 5; one++) ids.unshift((await house.make(maker, { recipient_email: holder.email })).id);
    const order = await house.makeOrderCard(maker, { recipient_email: holder.email });
    await walk(t, holder.client, `${userBase}?gift_type=wallet`, ids);
    await walk(t, holder.client, `${userBase}/my?type=received&gift_type=wallet`, ids);
    await walk(t, maker.client, `${userBase}?`, [order.id, ...ids]);
    await house.redeem(holder.client, { id: ids[0] ?? 0 });
    await house.end([ids[1] ?? 0], "expired");
    await house.end([ids[2] ?? 0], "cancelled");
    const filters: readonly (readonly [string, readonly (number | undefined)[]])[] = [
      ["status=active", [order.id, ids[3], ids[4]]],
      ["status=active&gift_type=order", [order.id]],
      ["status=used", [ids[0]]],
      ["status=expired", [ids[1]]],
      ["status=cancelled", [ids[2]]],
      ["status=used&gift_type=order", []],
    ];
    for (const [filter, expected] of filters) {
      for (const list of ["UserGiftCardService/ListGiftCards", "UserGiftCardService/ListMyGiftCards"]) {
        const found = await ask(t, holder.client, list, Object.fromEntries(new URLSearchParams(filter)));
        t.deepEqual(idsOf(found) as readonly (number | undefined)[], expected, filter);
        t.is(found.body.meta?.total, expected.length);
      }
    }
  });

  test(`who has verified a number holds the cards that name it ${on}`, async (t) => {
    const number = `+96650${String(Math.random()).slice(2, 9)}`;
    const { client } = await house.shop.anonymous.newUser({ phone_number: number });
    const card = await house.make(await house.newMaker(), { recipient_number: number });
    t.deepEqual(await listed(client, ""), [], "not before");
    t.is((await client.get(`${userBase}/${card.id}`)).status, 404);
    // The code of the card comes there too, before the one of the verification.
    await house.told(number, 1);
    dataOf(await client.post("/auth/verifications", { channel: "phone" }));
    const [message] = await house.told(number, 2);
    const code = /\b[0-9]{6}\b/.exec(message?.body ?? "")?.[0];
    dataOf(await client.post("/auth/verifications/confirm", { channel: "phone", code }));
    t.deepEqual(await listed(client, ""), [card.id]);
    t.like((await client.get(`${userBase}/${card.id}`)).body.data, { id: card.id, code: card.code });
  });

  test(`a card is read by its maker and its holder, with its code, and by nobody else ${on}`, async (t) => {
    const [maker, holder] = [await house.newMaker(), await house.newReader()];
    const card = await house.make(maker, { recipient_email: holder.email });
    for (const { client } of [maker, holder]) {
      const { status, body } = await ask(t, client, read, { gift_card_id: card.id });
      t.is(status, 200);
      t.deepEqual(body.data, card as unknown as Record<string, unknown>);
    }
    for (const client of [(await house.shop.newBuyer()).client, house.seller, house.admin]) {
      const { status, body } = await ask(t, client, read, { gift_card_id: card.id });
      t.deepEqual([status, body.code, body.message], [404, "GIFT_CARD_NOT_FOUND", "Gift card not found"]);
    }
  });

  test(`whoever has the code reads the card by it, however it is typed ${on}`, async (t) => {
    const card = await house.make(await house.newMaker(), { recipient_name: "Jane" });
    const { client } = await house.shop.newBuyer();
    const { status, body } = await ask(t, client, byCode, { code: card.code });
    t.is(status, 200);
    t.deepEqual(body.data, card as unknown as Record<string, unknown>);
    const typed = card.code
      .toLowerCase()
      .replace(/(.{4})/g, "$1-")
      .replaceAll("0", "o")
      .replaceAll("1", "l");
    for (const code of [typed, ` ${card.code} `, card.code.slice(2)]) {
      t.is((await client.post(`${userBase}/code`, { code })).body.data?.id, card.id, code);
    }
  });

  test(`a code of no card is 404, and after ten in a minute 429 with a time to wait ${on}`, async (t) => {
    const card = await house.make(await house.newMaker());
    const { client } = await house.shop.newBuyer();
    for (let one = 0; one < 10; one++) {
      const { status, body } = await client.get(`${userBase}/code?code=GC00000000000000${one}0`);
      t.deepEqual([status, body.code], [404, "GIFT_CARD_NOT_FOUND"]);
    }
    for (const answer of [
      await client.get(`${userBase}/code?code=${card.code}`),
      await client.post(`${userBase}/code`, { code: card.code }),
      await client.post("/gift-cards/redeem", { code: card.code }),
      await house.redeem(client, card, card.code),
      await house.order(client, card, card.code),
    ]) {
      t.deepEqual([answer.status, answer.body.code], [429, "TOO_MANY_GUESSES"]);
      const seconds = Number(answer.headers.get("retry-after"));
      t.true(seconds > 0 && seconds <= 60);
    }
    t.is((await client.get(`${userBase}/${card.id}`)).status, 404, "what needs no code goes on");
    const { client: other } = await house.shop.newBuyer();
    t.is((await other.get(`${userBase}/code?code=${card.code}`)).status, 200);
  });

  test(`a deleted card is nowhere any more ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.make(maker);
    t.is((await house.remove(card)).status, 200);
    t.is((await maker.client.get(`${userBase}/${card.id}`)).status, 404);
    t.is((await maker.client.get(`${userBase}/code?code=${card.code}`)).status, 404);
    t.is((await house.redeem(maker.client, card)).status, 404);
    t.deepEqual(await listed(maker.client, ""), []);
    const data: CardData[] = dataOf(await maker.client.get(`${userBase}/my?type=sent`));
    t.deepEqual(data, []);
  });
});
