import test from "ava";
import { ask } from "../both-ways.ts";
import { dataOf } from "../shop.ts";
import { adminBase, cardTheme } from "./card-house.ts";

const statistics = "AdminGiftCardService/GetGiftCardStatistics";

interface StatisticsData {
  readonly by_month: readonly { readonly month: string; readonly count: number }[];
  readonly [field: string]: unknown;
}

/** Cards, as they are counted. */
export const counting = cardTheme((house) => {
  const { on, admin } = house;

  test.serial(`statistics count one currency, to the unit ${on}`, async (t) => {
    const currency = "BHD";
    const maker = await house.shop.newBuyer("100", currency);
    const make = (amount: string) => house.make(maker, { amount, currency });
    const read = async () => dataOf<StatisticsData>(await ask(t, admin, statistics, { currency }));
    const thisMonth = new Date().toISOString().slice(0, 7);
    const zero = {
      total_gift_cards: 0,
      active_gift_cards: 0,
      used_gift_cards: 0,
      expired_gift_cards: 0,
      cancelled_gift_cards: 0,
      wallet_type: 0,
      order_type: 0,
      total_amount: "0.000",
      redeemed_amount: "0.000",
      this_month: 0,
      this_year: 0,
      outstanding_amount: "0.000",
      currency,
    };
    const before = await read();
    t.like(before, zero);
    t.is(before.by_month.length, 12);
    t.is(before.by_month.at(-1)?.month, thisMonth);
    const [used, expired, cancelled, deleted] = [
      await make("1.500"),
      await make("2"),
      await make("3"),
      await make("4"),
    ];
    await make("5.250");
    await house.redeem(maker.client, used);
    await house.end([expired.id], "expired");
    await house.end([cancelled.id], "cancelled");
    await house.remove(deleted);
    const product_id = await house.shop.newProduct({ vendor_id: house.vendorId, price: "6.000", currency });
    await house.make(maker, { gift_type: "order", vendor_id: house.vendorId, product_id, amount: "6.000", currency });
    const after = await read();
    t.deepEqual(after, {
      total_gift_cards: 5,
      active_gift_cards: 2,
      used_gift_cards: 1,
      expired_gift_cards: 1,
      cancelled_gift_cards: 1,
      wallet_type: 4,
      order_type: 1,
      total_amount: "17.750",
      redeemed_amount: "1.500",
      this_month: 5,
      this_year: 5,
      outstanding_amount: "11.250",
      currency,
      by_month: [
        ...before.by_month.slice(0, -1),
        { month: thisMonth, count: 5, amount: "17.750", redeemed_amount: "1.500" },
      ],
    });
    await house.end([expired.id], "expired");
    t.deepEqual(await read(), after, "what changes nothing counts nothing");
    t.is(await house.owed(currency), "11.250");
  });

  test.serial(
    `statistics are of the default currency unless another is named, and of no other thing ${on}`,
    async (t) => {
      t.like((await ask(t, admin, statistics)).body.data, { currency: "SAR" });
      t.like((await ask(t, admin, statistics, { currency: "KRW" })).body.data, { currency: "KRW", total_amount: "0" });
      const { status, body } = await ask(t, admin, statistics, { currency: "XXX" });
      t.deepEqual([status, Object.keys(body.errors ?? {})], [422, ["currency"]]);
    },
  );

  test.serial(`the admin's options have the statistics with them ${on}`, async (t) => {
    const { status, body } = await ask(t, admin, "AdminGiftCardService/GetAdminGiftCardOptions");
    t.is(status, 200);
    t.deepEqual(Object.keys(body.data ?? {}), [
      "background_colors",
      "background_images",
      "gift_types",
      "currencies",
      "statistics",
    ]);
    t.like(body.data?.statistics, { currency: "SAR" });
  });

  test.serial(`the audit finds nothing, while cards are used ${on}`, async (t) => {
    const maker = await house.newMaker();
    const using = Promise.all(
      Array.from({ length: 20 }, async (_, one) => {
        const card = await house.make(maker);
        if (one % 3 === 0) await house.redeem(maker.client, card);
        if (one % 3 === 1) await house.end([card.id], "expired");
      }),
    );
    for (let one = 0; one < 3; one++) {
      const { status, body } = await admin.get(`${adminBase}/audit`);
      t.is(status, 200);
      t.like(body.data, { balanced: true, differences: [] }, JSON.stringify(body.data));
    }
    await using;
    const after = await ask(t, admin, "AdminGiftCardService/AuditGiftCards");
    t.like(after.body.data, { balanced: true, differences: [] }, after.text);
    t.true(Number(after.body.data?.gift_cards) > 20);
  });
});
