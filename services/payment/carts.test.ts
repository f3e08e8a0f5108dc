import test from "ava";
import { engines, testDatabase } from "../platform/testing/engines.ts";
import { LossyDatabase } from "../platform/testing/lossy-database.ts";
import { add, remove } from "./domain/cart.ts";
import { Carts } from "./store/carts.ts";
import { migrations } from "./store/migrations.ts";

const [member, roses] = [7n, 1n];

const all = await Promise.all(
  (await engines()).map(async (engine) => ({ engine, database: await testDatabase(engine, "payment", migrations) })),
);

for (const { engine, database } of all) {
  test(`a cart is changed once though answers are lost on ${engine.name}`, async (t) => {
    t.teardown(async () => {
      await database.close();
      await engine.remove();
    });
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
