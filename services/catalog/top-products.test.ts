import { randomUUID } from "node:crypto";
import test from "ava";
import { OrderCancelledSchema, OrderPaidSchema } from "../../gen/giftmesh/payment/v1/order_pb.ts";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { now, toTimestamp } from "../platform/time.ts";
import { ProductSales } from "./store/product-sales.ts";
import { adminCall, callOf, RunningCatalog, times } from "./testing/running-catalog.ts";
import { TopProducts } from "./top-products.ts";

const day = 86_400_000_000n;
const setUp = async (engine: Engine) => ({ engine, catalog: await RunningCatalog.start(engine) });

for (const { engine, catalog } of await Promise.all(engines().map(setUp))) {
  type Bought = readonly (readonly [productId: bigint, quantity: bigint])[];
  const orderOf = (bought: Bought) => ({
    items: bought.map(([productId, quantity]) => ({ productId, quantity })),
  });
  const pay = (bought: Bought, daysAgo = 0n, id?: string) =>
    catalog.deliver(
      "giftmesh.order.paid",
      OrderPaidSchema,
      { order: orderOf(bought), paidAt: toTimestamp(now() - daysAgo * day) },
      id,
    );
  const cancel = (bought: Bought, daysAgo = 0n, id?: string) =>
    catalog.deliver(
      "giftmesh.order.cancelled",
      OrderCancelledSchema,
      { order: orderOf(bought), paidAt: toTimestamp(now() - daysAgo * day), cancelledAt: toTimestamp(now()) },
      id,
    );
  /** What sold best, of some products, as it is at this instant. */
  const best = async (days: number, of: readonly bigint[]) => {
    const all = await new TopProducts(new ProductSales(catalog.database)).of(days);
    return all.filter(({ product }) => of.includes(product.id)).map(({ product, sold }) => [product.id, sold]);
  };
  const newProducts = async (count: number) => {
    const ids: bigint[] = [];
    for (const _ of times(count, Number)) ids.push(await catalog.newProduct());
    return ids as [bigint, bigint, bigint];
  };

  test.after.always(async () => {
    await catalog.stop();
    await engine.remove();
  });

  test(`the most sold comes first, and of two that sold alike the one with the lower id on ${engine.name}`, async (t) => {
    const [a, b, c] = await newProducts(3);
    await pay([
      [c, 2n],
      [b, 2n],
      [a, 1n],
    ]);
    await pay([
      [a, 1n],
      [c, 3n],
      [c, 1n],
    ]);
    t.deepEqual(await best(3, [a, b, c]), [
      [c, 6n],
      [a, 2n],
      [b, 2n],
    ]);
  });

  test(`only the last days count, today among them on ${engine.name}`, async (t) => {
    const [a, b] = await newProducts(2);
    await pay([[a, 5n]], 2n);
    await pay([[a, 1n]], 0n);
    await pay([[b, 4n]], 29n);
    const both = [a, b] as const;
    t.deepEqual(await best(1, both), [[a, 1n]]);
    t.deepEqual(await best(2, both), [[a, 1n]]);
    t.deepEqual(await best(3, both), [[a, 6n]]);
    t.deepEqual(await best(29, both), [[a, 6n]]);
    t.deepEqual(await best(30, both), [
      [a, 6n],
      [b, 4n],
    ]);
  });

  test(`an event that comes again counts once on ${engine.name}`, async (t) => {
    const [a] = await newProducts(1);
    const [paid, cancelled] = [randomUUID(), randomUUID()];
    for (const _ of times(3, Number)) await pay([[a, 5n]], 0n, paid);
    t.deepEqual(await best(1, [a]), [[a, 5n]]);
    for (const _ of times(3, Number)) await cancel([[a, 2n]], 0n, cancelled);
    t.deepEqual(await best(1, [a]), [[a, 3n]]);
  });

  test(`an order that is cancelled counts back on the day it was paid, before its payment is heard of too on ${engine.name}`, async (t) => {
    const [a, b] = await newProducts(2);
    await cancel([[a, 5n]], 1n);
    await pay([[b, 1n]], 1n);
    t.deepEqual(await best(2, [a, b]), [[b, 1n]]);
    await pay([[a, 5n]], 1n);
    await pay([[a, 2n]], 0n);
    t.deepEqual(await best(1, [a, b]), [[a, 2n]]);
    t.deepEqual(await best(2, [a, b]), [
      [a, 2n],
      [b, 1n],
    ]);
  });

  test(`orders that are paid and cancelled at once are all counted on ${engine.name}`, async (t) => {
    const ids = await newProducts(3);
    const [a, b, c] = ids;
    const some: Bought[] = [
      [
        [a, 2n],
        [b, 1n],
      ],
      [
        [b, 1n],
        [c, 3n],
        [a, 1n],
      ],
    ];
    await Promise.all([
      ...times(40, (index) => pay(some[index % 2] ?? [])),
      ...times(10, (index) => cancel(some[index % 2] ?? [])),
    ]);
    t.deepEqual(
      (await best(1, ids)).sort(),
      [
        [a, 45n],
        [b, 30n],
        [c, 45n],
      ].sort(),
    );
  });

  test(`what is not on sale any more is not among them on ${engine.name}`, async (t) => {
    const [a, b] = await newProducts(2);
    await pay([
      [a, 9n],
      [b, 8n],
      [9_999_999n, 100n],
    ]);
    await catalog.admin.updateProduct({ productId: a, active: false }, adminCall());
    t.deepEqual(await best(1, [a, b, 9_999_999n]), [[b, 8n]]);
  });

  test(`days that nobody may ask for any more are forgotten on ${engine.name}`, async (t) => {
    const [a] = await newProducts(1);
    for (const daysAgo of [0n, 30n, 31n, 32n, 100n]) await pay([[a, 1n]], daysAgo);
    await new TopProducts(new ProductSales(catalog.database)).purge();
    const rows = await catalog.select("SELECT day FROM product_sales WHERE product_id = ? ORDER BY day DESC", a);
    const today = now() / day;
    t.deepEqual(
      rows.map((row) => today - (row.day as bigint)),
      [0n, 30n, 31n],
    );
  });

  test.serial(
    `anyone is told the first 5 of 3 days, or as many of as many as asked for on ${engine.name}`,
    async (t) => {
      const ids: bigint[] = [];
      for (const _ of times(6, Number)) ids.push(await catalog.newProduct({ name: "Top", price: "1.50" }));
      for (const [index, id] of ids.entries()) await pay([[id, 1_000n - BigInt(index)]], 2n);
      const first = await catalog.products.listTopProducts({}, callOf());
      t.deepEqual(
        first.products.map(({ id, sold }) => [id, sold]),
        ids.slice(0, 5).map((id, index) => [id, 1_000n - BigInt(index)]),
      );
      t.like(first.products[0], { name: "Top", price: "1.50", currency: "SAR" });
      const more = await catalog.products.listTopProducts({ days: 30, limit: 6 }, callOf());
      t.deepEqual(
        more.products.map(({ id }) => id),
        ids,
      );
      t.true(
        (await catalog.products.listTopProducts({ days: 2 }, callOf())).products.every(({ id }) => !ids.includes(id)),
      );
    },
  );

  test(`an answer is given again for a second, and read anew after that on ${engine.name}`, async (t) => {
    let clock = 0;
    const top = new TopProducts(new ProductSales(catalog.database), () => clock);
    const [a] = await newProducts(1);
    const soldOf = async (days: number) => (await top.of(days)).find(({ product }) => product.id === a)?.sold;
    await pay([[a, 10_000n]]);
    t.is(await soldOf(1), 10_000n);
    await pay([[a, 1n]]);
    clock = 999;
    t.deepEqual([await soldOf(1), await soldOf(2)], [10_000n, 10_001n]);
    clock = 1_000;
    t.is(await soldOf(1), 10_001n);
  });
}
