import test from "ava";
import { engines, testDatabase } from "../platform/testing/engines.ts";
import { LossyDatabase } from "../platform/testing/lossy-database.ts";
import { add, remove } from "./domain/cart.ts";
import { Carts } from "./store/carts.ts";
import { migrations } from "./store/migrations.ts";

const [member, roses] = [7n, 1n];

const all = await Promise.all(
  engines().map(async (engine) => ({ engine, database: await testDatabase(engine, "payment", migrations) })),
);

for (const { engine, database } of all) {
  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test(`of many who change a cart at once each has what they added in it on ${engine.name}`, async (t) => {
    const carts = new Carts(database);
    for (let other = 100n; other < 130n; other++) {
      const change = () =>
        carts.change(
          other,
          roses,
          (lines) => add(lines, roses, 1n),
          async () => undefined,
        );
      await Promise.all([change(), change(), change()]);
      t.deepEqual(await carts.linesOf(other), [{ productId: roses, quantity: 3n }]);
    }
  });

  test(`a cart is changed once though answers are lost on ${engine.name}`, async (t) => {
    const lossy = new LossyDatabase(database);
    const carts = new Carts(lossy.database);
    const told: bigint[][] = [];
    const tell = async (lines: readonly { readonly quantity: bigint }[]) => {
      told.push(lines.map(({ quantity }) => quantity));
    };
    lossy.toLose = 1;
    await carts.change(member, roses, (lines) => add(lines, roses, 2n), tell);
    t.deepEqual(await carts.linesOf(member), [{ productId: roses, quantity: 2n }]);
    t.deepEqual(told.at(-1), [2n]);
    await carts.change(member, roses, (lines) => add(lines, roses, 2n), tell);
    lossy.toLose = 1;
    await carts.change(member, roses, (lines) => remove(lines, roses), tell);
    t.deepEqual(await carts.linesOf(member), []);
    t.deepEqual([told.at(-1), lossy.toLose], [[], 0]);
  });
}
