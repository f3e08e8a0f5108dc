import test from "ava";
import { ask } from "../both-ways.ts";
import { idsOf, walk } from "../lists.ts";
import { dataOf } from "../shop.ts";
import { type CardData, cardTheme, vendorBase } from "./card-house.ts";

const list = "VendorGiftCardService/ListVendorGiftCards";
const read = "VendorGiftCardService/GetVendorGiftCard";

/** Cards for a vendor's products, as those see them who work for it. */
export const vendors = cardTheme((house) => {
  const { on } = house;

  test(`a vendor lists and reads the cards for their products, codes masked ${on}`, async (t) => {
    const maker = await house.newMaker();
    const vendor_id = await house.shop.newVendor();
    const seller = await house.shop.newSeller(vendor_id);
    const product_id = await house.shop.newProduct({ vendor_id, price: "15.00" });
    await house.make(maker);
    const cards: CardData[] = [];
    const fields = { gift_type: "order", vendor_id, product_id, message: "For you" };
    for (let one = 0; one < 5; one++) cards.unshift(await house.make(maker, fields));
    const ids = cards.map(({ id }) => id);
    await walk(t, seller, `${vendorBase}?`, ids);
    const [newest] = cards;
    const { status, body } = await ask(t, seller, read, { gift_card_id: newest?.id });
    t.is(status, 200);
    const masked = `${"*".repeat(14)}${newest?.code_last4}`;
    t.deepEqual(body.data, { ...newest, code: masked } as never);
    const [first] = (await ask(t, seller, list)).body.data as unknown as CardData[];
    t.deepEqual(first, { ...newest, code: masked } as never);

    await house.order(maker.client, { id: ids[0] ?? 0 });
    await house.end([ids[1] ?? 0], "cancelled");
    for (const [filter, expected] of [
      [{ status: "used" }, ids.slice(0, 1)],
      [{ status: "cancelled" }, ids.slice(1, 2)],
      [{ status: "active" }, ids.slice(2)],
      [{ status: "active", gift_type: "order" }, ids.slice(2)],
      [{ status: "expired" }, []],
      [{ gift_type: "wallet" }, []],
    ] as const) {
      const found = await ask(t, seller, list, filter);
      t.deepEqual(idsOf(found), expected as number[], JSON.stringify(filter));
      t.is(found.body.meta?.total, expected.length);
    }
    t.is((await house.otherSeller.get(vendorBase)).body.meta?.total, 0);
  });

  test(`another vendor's card, and one of no vendor, is not there ${on}`, async (t) => {
    const maker = await house.newMaker();
    const [theirs, nobodys] = [await house.makeOrderCard(maker), await house.make(maker)];
    const asked = [
      [house.otherSeller, theirs.id],
      [house.seller, nobodys.id],
      [house.seller, 999_999_999],
    ] as const;
    for (const [client, gift_card_id] of asked) {
      const { status, body } = await ask(t, client, read, { gift_card_id });
      t.deepEqual([status, body.code], [404, "GIFT_CARD_NOT_FOUND"]);
    }
  });

  test(`a vendor sees how the order of a card stands ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.makeOrderCard(maker);
    await house.order(maker.client, card);
    const status = async () =>
      ((await house.seller.get(`${vendorBase}/${card.id}`)).body.data as unknown as CardData).order;
    t.like(await status(), { status: "pending", total_amount: "15.00" });
    await house.seller.post(`/api/vendor/v3.1/orders/${(await status())?.id}/complete`);
    t.like(await status(), { status: "completed" });
  });

  test(`an order of a card that its buyer has cancelled shows as that ${on}`, async (t) => {
    const maker = await house.newMaker();
    const card = await house.makeOrderCard(maker);
    const { order } = dataOf<{ order: { id: number } }>(await house.order(maker.client, card));
    await maker.client.post(`/orders/${order.id}/cancel`);
    const shown = (await house.seller.get(`${vendorBase}/${card.id}`)).body.data;
    t.like(shown, { status: "used", redemption_method: "order", order: { status: "cancelled" } });
    const unordered = await house.cancelOrder(maker.client, card);
    t.like(
      unordered.body.data,
      { redemption_method: "wallet", wallet_transaction: { amount: "15.00" } },
      unordered.text,
    );
  });
});
