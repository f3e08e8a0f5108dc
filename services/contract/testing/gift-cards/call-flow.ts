import test from "ava";
import { cardTheme } from "./card-house.ts";

const route = "/gift-cards/redeem";

/** Seed 000's call flow, step by step, and its notes. */
export const callFlow = cardTheme((house) => {
  const { on } = house;

  test(`seed 000: a user signs in, redeems a card by its id, and is told the new balance ${on}`, async (t) => {
    const { username, password, client: registered } = await house.newMaker("10000");
    const { id } = await house.make({ client: registered }, { amount: 10_000 });
    const signedIn = await house.shop.anonymous.post("/auth/login", { username, password });
    const client = house.shop.anonymous.as(String(signedIn.body.data?.token));
    const { wallet_id } = (await client.get("/members/me/points")).body.data ?? {};
    const { status, body } = await client.post(route, { gift_card_id: id });
    t.is(status, 200);
    t.like(body.data, {
      gift_card: { id, status: "used", amount: "10000.00" },
      wallet: { id: wallet_id, balance: "10000.00", currency: "SAR" },
    });
  });

  test(`seed 000: an invalid token is rejected ${on}`, async (t) => {
    const { id } = await house.make(await house.newMaker());
    for (const token of [undefined, "nonsense", "a.b.c"]) {
      const { status, body } = await house.shop.anonymous.as(token).post(route, { gift_card_id: id });
      t.deepEqual([status, body.code], [401, "UNAUTHENTICATED"]);
    }
    t.is((await house.look({ id })).status, "active");
  });

  test(`seed 000: a card that is used already is denied ${on}`, async (t) => {
    const { client } = await house.newMaker();
    const { id } = await house.make({ client });
    t.is((await client.post(route, { gift_card_id: id })).status, 200);
    const { status, body } = await client.post(route, { gift_card_id: id });
    t.deepEqual([status, body.message], [400, "Gift card cannot be redeemed"]);
  });
});
