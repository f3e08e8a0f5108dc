import test from "ava";
import { eventually } from "../../../platform/testing/eventually.ts";
import { balanceOf } from "../shop.ts";
import { type CardData, cardTheme, userBase } from "./card-house.ts";

/** Cards whose time comes. */
export const expiry = cardTheme((house) => {
  const { on } = house;
  const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

  test(`a card expires by itself, is not redeemable from that instant, and its value goes back ${on}`, async (t) => {
    const maker = await house.newMaker();
    const expires_at = inMs(700);
    const card = await house.make(maker, { expires_at });
    t.is(await balanceOf(maker.client), "980.00");
    await new Promise((resolve) => setTimeout(resolve, Date.parse(expires_at) - Date.now()));
    const { status, body } = await house.redeem(maker.client, card);
    t.deepEqual([status, body.code], [400, "GIFT_CARD_NOT_REDEEMABLE"]);
    t.like((await maker.client.get(`${userBase}/${card.id}`)).body.data, {
      status: "expired",
      status_label: "Expired",
    });
    await eventually(async () => (await balanceOf(maker.client)) === "1000.00");
    t.like(await house.look(card), { status: "expired", redemption_method: "pending", redeemed_at: null });
  });

  test(`a card is redeemable up to its time ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.make(maker, { expires_at: inMs(1_500) });
    t.is((await house.redeem(maker.client, card)).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    t.like(await house.look(card), { status: "used" });
    t.is(await balanceOf(maker.client), "1000.00");
  });

  test(`a card whose time is changed expires then, and not before ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.make(maker, { expires_at: inMs(1_000) });
    t.is((await house.update(card, { expires_at: "2099-12-31" })).status, 200);
    const other: CardData = await house.make(maker);
    t.is((await house.update(other, { expires_at: inMs(600) })).status, 200);
    await eventually(async () => (await house.look(other)).status === "expired");
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    t.is((await house.look(card)).status, "active");
    t.is((await house.redeem(maker.client, card)).status, 200);
  });

  test(`a bare date is the end of that day, UTC; in the past it is refused ${on}`, async (t) => {
    const maker = await house.newMaker();
    const today = new Date().toISOString().slice(0, 10);
    t.is((await house.make(maker, { expires_at: today })).expires_at, `${today}T23:59:59.999999Z`);
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    for (const expires_at of [yesterday, inMs(-1_000)]) {
      const { status, body } = await maker.client.post(userBase, { gift_type: "wallet", amount: 1, expires_at });
      t.deepEqual([status, Object.keys(body.errors ?? {})], [422, ["expires_at"]]);
    }
  });
});
