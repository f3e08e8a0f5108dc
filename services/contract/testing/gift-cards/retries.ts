import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { publicMethods } from "../../../edge/routes.ts";
import { readDescriptors } from "../../../mesh.ts";
import type { Answer, RestClient } from "../../../testing/rest-client.ts";
import { askConnect, askRest, type Fields, nameOf } from "../both-ways.ts";
import { balanceOf, dataOf } from "../shop.ts";
import { type CardHouse, cardTheme, newEmail, userBase } from "./card-house.ts";

/** A request with an effect, and how to see that it happened once. */
interface RetryCase {
  readonly client: RestClient;
  readonly fields: Fields;
  /** The same request but for one thing. */
  readonly otherFields: Fields;
  happenedOnce(t: ExecutionContext): Promise<unknown>;
}

const cases: Readonly<Record<string, (house: CardHouse) => Promise<RetryCase>>> = {
  "UserGiftCardService/CreateGiftCard": async (house) => {
    const { client } = await house.newMaker();
    const fields = { gift_type: "wallet", amount: "20.00" };
    return {
      client,
      fields,
      otherFields: { ...fields, amount: "21.00" },
      async happenedOnce(t) {
        t.is(await balanceOf(client), "980.00");
        t.is((await client.get(userBase)).body.meta?.total, 1);
      },
    };
  },
  "UserGiftCardService/RedeemGiftCardToWallet": (house) => redeeming(house, (id, code) => ({ gift_card_id: id, code })),
  "UserGiftCardService/RedeemGiftCard": (house) => redeeming(house, (_, code) => ({ code })),
  "UserGiftCardService/CreateOrderFromGiftCard": async (house) => {
    const card = await house.makeOrderCard(await house.newMaker(), { recipient_email: newEmail() });
    const { client } = await house.shop.newBuyer();
    return {
      client,
      fields: { gift_card_id: card.id, code: card.code },
      otherFields: { gift_card_id: card.id },
      async happenedOnce(t) {
        t.is(await balanceOf(client), "5.00");
        t.is((await client.get("/orders")).body.meta?.total, 1);
      },
    };
  },
  "UserGiftCardService/CancelOrderAndRedeemToWallet": async (house) => {
    const maker = await house.newMaker();
    const card = await house.makeOrderCard(maker);
    await house.order(maker.client, card);
    return {
      client: maker.client,
      fields: { gift_card_id: card.id },
      otherFields: { gift_card_id: 999_999_999 },
      happenedOnce: async (t) => t.is(await balanceOf(maker.client), "1000.00"),
    };
  },
  "AdminGiftCardService/IssueGiftCard": async (house) => {
    const { id: user_id, client } = await house.shop.newBuyer();
    const fields = { gift_type: "wallet", amount: "20.00", user_id };
    return {
      client: house.admin,
      fields,
      otherFields: { ...fields, amount: "21.00" },
      happenedOnce: async (t) => t.is((await client.get(userBase)).body.meta?.total, 1),
    };
  },
  "AdminGiftCardService/UpdateGiftCard": async (house) => {
    const maker = await house.newMaker();
    const { id } = await house.make(maker);
    return {
      client: house.admin,
      fields: { gift_card_id: id, amount: "50.00", notes: "Once" },
      otherFields: { gift_card_id: id, amount: "60.00" },
      async happenedOnce(t) {
        t.is(await balanceOf(maker.client), "950.00");
        t.like(await house.look({ id }), { amount: "50.00", notes: "Once" });
      },
    };
  },
  "AdminGiftCardService/DeleteGiftCard": async (house) => {
    const maker = await house.newMaker();
    const { id } = await house.make(maker);
    return {
      client: house.admin,
      fields: { gift_card_id: id },
      otherFields: { gift_card_id: 999_999_999 },
      happenedOnce: async (t) => t.is(await balanceOf(maker.client), "1000.00"),
    };
  },
  "AdminGiftCardService/BulkUpdateGiftCardStatus": async (house) => {
    const maker = await house.newMaker();
    const gift_card_ids = [(await house.make(maker)).id, (await house.make(maker)).id];
    return {
      client: house.admin,
      fields: { gift_card_ids, status: "cancelled" },
      otherFields: { gift_card_ids, status: "expired" },
      happenedOnce: async (t) => t.is(await balanceOf(maker.client), "1000.00"),
    };
  },
  "AdminGiftCardService/BulkIssueGiftCards": async (house) => {
    const email = newEmail();
    const fields = { count: 3, gift_type: "wallet", amount: "1.00", recipient_email: email };
    return {
      client: house.admin,
      fields,
      otherFields: { ...fields, count: 4 },
      happenedOnce: async (t) => t.is((await house.told(email, 3)).length, 3),
    };
  },
};

async function redeeming(house: CardHouse, fieldsOf: (id: number, code: string) => Fields): Promise<RetryCase> {
  const card = await house.make(await house.newMaker(), { recipient_email: newEmail() });
  const { client } = await house.shop.newBuyer();
  return {
    client,
    fields: fieldsOf(card.id, card.code),
    otherFields: fieldsOf(999_999_999, "GC0000000000000000"),
    happenedOnce: async (t) => t.is(await balanceOf(client), "20.00"),
  };
}

const distinct = (answers: readonly Answer[]) => [...new Set(answers.map(({ status, text }) => `${status} ${text}`))];

/** Idempotency keys, on every RPC about gift cards that may have an effect. */
export const retries = cardTheme((house) => {
  const { on } = house;

  for (const [name, makeCase] of Object.entries(cases)) {
    // Alone, so that they do not hold up the others beyond their deadlines.
    test.serial(`64 duplicates of ${name} at once have one effect and one answer, to the byte ${on}`, async (t) => {
      const { client, fields, otherFields, happenedOnce } = await makeCase(house);
      const headers = { "idempotency-key": randomUUID() };
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, one) => (one % 2 === 0 ? askRest : askConnect)(client, name, fields, headers)),
      );
      const again = await askRest(client, name, fields, headers);
      t.true(again.status < 300, again.text);
      t.deepEqual(distinct(answers.filter((_, one) => one % 2 === 0)), distinct([again]));
      t.is(distinct(answers.filter((_, one) => one % 2 === 1)).length, 1);
      await happenedOnce(t);
      const reused = await askRest(client, name, otherFields, headers);
      t.deepEqual([reused.status, reused.body.code], [409, "IDEMPOTENCY_KEY_REUSED"]);
      await happenedOnce(t);
    });
  }

  test(`a refusal is replayed, also once it would not be refused ${on}`, async (t) => {
    const { client } = await house.newMaker("10.00");
    const headers = { "idempotency-key": randomUUID() };
    const create = () => client.post(userBase, { gift_type: "wallet", amount: "20.00" }, headers);
    const first = await create();
    t.is(first.body.code, "INSUFFICIENT_BALANCE");
    dataOf(await client.post("/members/me/points/charge", { amount: 100 }));
    t.is((await create()).text, first.text);
    t.is((await client.post(userBase, { gift_type: "wallet", amount: "20.00" })).status, 201);
  });

  test(`there is a case for every RPC about gift cards that may have an effect ${on}`, (t) => {
    const effective = publicMethods(readDescriptors()).filter(
      ({ method, bindings: [{ verb }] }) =>
        /^giftmesh\.giftcard\..*GiftCardService$/.test(method.parent.typeName) && verb !== "GET",
    );
    t.deepEqual(effective.map(nameOf).sort(), Object.keys(cases).sort());
  });
});
