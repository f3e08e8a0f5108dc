import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { eventually } from "../platform/testing/eventually.ts";
import type { SignedIn } from "../testing/rest-client.ts";
import { ask } from "./testing/both-ways.ts";
import { balanceOf, dataOf, iso, type OrderData, pay, place, Shop } from "./testing/shop.ts";

interface Told {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: OrderData;
}

interface TopProduct {
  readonly id: number;
  readonly sold: number;
}

async function setUp(shop: Shop) {
  const [sara, omar] = [await shop.newBuyer("1000.00"), await shop.newBuyer("1000.00")];
  return { shop, sara, omar };
}

for (const { shop, sara, omar } of await Promise.all((await Shop.openAll()).map(setUp))) {
  const on = `on ${shop.engine.name}`;
  test.after.always(() => shop.close());

  const buy = async ({ client }: SignedIn, product: number, quantity: number): Promise<OrderData> =>
    (await pay(client, (await place(client, [[product, quantity]])).payment)).order;
  const cancel = async ({ client }: SignedIn, { id }: OrderData) =>
    dataOf<OrderData>(await client.post(`/orders/${id}/cancel`));
  const top = async (query = "") => dataOf<TopProduct[]>(await shop.anonymous.get(`/products/top${query}`));
  const soldOf = (products: readonly TopProduct[]) => products.map(({ id, sold }) => [id, sold]);
  const eventuallyTop = (expected: readonly (readonly [number, number])[]) =>
    eventually(async () => JSON.stringify(soldOf(await top())) === JSON.stringify(expected));

  test.serial(`before anything is sold, nothing sells best ${on}`, async (t) => {
    const { status, body } = await ask(t, shop.anonymous, "ProductService/ListTopProducts");
    t.is(status, 200);
    t.deepEqual(body, { success: true, message: "Success", data: [] } as unknown as typeof body);
  });

  test.serial(`what sells best is told by units paid for, and not given back since ${on}`, async (t) => {
    const vendor_id = await shop.newVendor();
    const newProduct = (name: string) => shop.newProduct({ vendor_id, name, price: "2.50", stock: 100 });
    const [first, second, third] = [await newProduct("First"), await newProduct("Second"), await newProduct("Third")];
    await shop.newOffer(first, "1.00");
    await buy(sara, third, 3);
    await buy(omar, third, 3);
    const given = await buy(sara, second, 5);
    await buy(omar, first, 6);
    await place(sara.client, [[second, 50]]);
    await eventuallyTop([
      [first, 6],
      [third, 6],
      [second, 5],
    ]);
    const [best] = await top("?days=1&limit=1");
    t.deepEqual(Object.entries(best ?? {}), [
      ["id", first],
      ["vendor_id", vendor_id],
      ["name", "First"],
      ["price", "2.50"],
      ["currency", "SAR"],
      ["sold", 6],
    ]);
    t.deepEqual(soldOf(await top("?days=30&limit=2")), [
      [first, 6],
      [third, 6],
    ]);
    t.deepEqual(soldOf(await top("?days=3&limit=5")), soldOf(await top()));

    await cancel(sara, given);
    await buy(sara, third, 1);
    await eventuallyTop([
      [third, 7],
      [first, 6],
    ]);
    await shop.change("products", third, { active: false });
    await eventuallyTop([[first, 6]]);
    await shop.change("products", third, { active: true });
    await eventuallyTop([
      [third, 7],
      [first, 6],
    ]);
  });

  test.serial(
    `a free order counts as paid for, and five products are shown where nobody says how many ${on}`,
    async (t) => {
      const couponId = await shop.newClaimedCoupon(sara.client, { discount_type: "percent", discount_value: "100" });
      const free = await shop.newProduct({ stock: 100 });
      await place(sara.client, [[free, 99]], couponId);
      const ids = [free];
      for (let one = 1; one <= 5; one++) {
        const product = await shop.newProduct({ price: "0.01", stock: 100 });
        await buy(omar, product, 60 - one);
        ids.push(product);
      }
      await eventually(async () => (await top("?limit=100")).length === 8);
      t.deepEqual(
        (await top("?limit=5")).map(({ id }) => id),
        ids.slice(0, 5),
      );
      t.deepEqual(await top(), await top("?limit=5&days=3"));
    },
  );

  test.serial(
    `the data platform gets each order as it was paid, and as it was cancelled, once and in order ${on}`,
    async (t) => {
      const { client, id: userId } = await shop.newBuyer("100.00");
      const product = await shop.newProduct({ stock: 100 });
      const couponId = await shop.newClaimedCoupon(client, { discount_type: "fixed", discount_value: "30.00" });
      const buyer = { ...sara, client, id: userId };
      const expected: [type: string, order: OrderData][] = [];
      for (let one = 1; one <= 3; one++) {
        const order = await buy(buyer, product, one);
        expected.push(["order.paid", order]);
        if (one !== 2) expected.push(["order.cancelled", await cancel(buyer, order)]);
        // What was never paid is nobody's business.
        await cancel(buyer, (await place(client, [[product, 1]])).order);
      }
      const free = (await place(client, [[product, 3]], couponId)).order;
      expected.push(["order.paid", free]);

      const told = () => deliveriesOf(shop).filter(({ data }) => data.user_id === userId);
      await eventually(async () => told().length >= expected.length);
      t.deepEqual(
        told().map(({ id, type, data }) => ({ id, type, data })),
        expected.map(([type, data]) => ({ id: type.replace(".", `-${data.id}-`), type, data })),
      );
      for (const { type, timestamp, data } of told()) {
        t.regex(timestamp, iso);
        if (type === "order.paid") t.is(timestamp, data.paid_at as string);
      }
      const times = told().map(({ timestamp }) => timestamp);
      t.deepEqual(times, times.toSorted());
    },
  );

  test.serial(
    `everything that was paid and cancelled has been told of once, and money is conserved ${on}`,
    async (t) => {
      const { body } = await shop.admin.get("/admin-api/ledger/audit");
      t.like(body.data, { balanced: true, differences: [] });
      const all = deliveriesOf(shop);
      t.is(new Set(all.map(({ id }) => id)).size, all.length);
      // Three members were charged 2,100.00 in all; what paid orders came to is not in their wallets any more.
      const spent = all.reduce(
        (sum, { type, data }) => sum + (type === "order.paid" ? 1 : -1) * Math.round(Number(data.total_amount) * 100),
        0,
      );
      const liability = dataOf<{ currency: string; wallets: string }[]>(
        await shop.admin.get("/admin-api/ledger/liability"),
      );
      t.deepEqual(
        liability.map(({ currency, wallets }) => [currency, wallets]),
        [["SAR", ((210_000 - spent) / 100).toFixed(2)]],
      );
      for (const { client } of [sara, omar]) {
        const { body: listed } = await client.get("/orders?per_page=100&status=completed");
        const own = (listed.data as unknown as OrderData[]).reduce(
          (sum, { total_amount }) => sum + Number(total_amount),
          0,
        );
        t.is(await balanceOf(client), (1_000 - own).toFixed(2));
      }
    },
  );
}

/** What has been sent to the data platform so far; the last line may still be on its way. */
function deliveriesOf({ engine }: Shop): Told[] {
  const text = readFileSync(join(engine.environment.DATA_DIR ?? "", "data-platform.jsonl"), "utf8");
  return text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
}
