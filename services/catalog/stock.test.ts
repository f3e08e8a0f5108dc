import { randomUUID } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import type { Row } from "../platform/database/database.ts";
import { Refusal } from "../platform/refusal.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { LossyDatabase } from "../platform/testing/lossy-database.ts";
import { now } from "../platform/time.ts";
import { HoldEnded, OutOfStock, ProductNotFound, StockLimitExceeded } from "./domain/errors.ts";
import { mostFree } from "./domain/stock.ts";
import { Stock, type WantedHold } from "./stock.ts";
import { Holds, holdOf } from "./store/holds.ts";
import { migrations } from "./store/migrations.ts";
import { Products } from "./store/products.ts";
import { newHoldId, times } from "./testing/running-catalog.ts";

const hourMicroseconds = 3_600_000_000n;

async function setUp(engine: Engine) {
  const databases = [
    await testDatabase(engine, "catalog", migrations),
    // As another process would have it: nothing in common but the data. In SQLite there is but one process.
    ...(engine.name === "MySQL" ? [await testDatabase(engine, "catalog", migrations)] : []),
  ] as const;
  const [database] = databases;
  const stocks = times(2, (index) => {
    const own = databases[index] ?? database;
    return new Stock(own, new Holds(own));
  });
  return { engine, databases, database, stocks: stocks as [Stock, Stock] };
}

for (const { engine, databases, database, stocks } of await Promise.all(engines().map(setUp))) {
  const [stock] = stocks;
  const products = new Products(database);
  let lastProduct = 0n;

  const newProduct = async (free: bigint): Promise<bigint> => {
    const id = ++lastProduct;
    await database.transaction((tx) =>
      products.insert(
        tx,
        { id, vendorId: 1n, name: "Roses", price: 100n, currency: "SAR", active: true, createdAt: 0n, updatedAt: 0n },
        { productId: id, free, held: 0n, sold: 0n },
      ),
    );
    return id;
  };

  const wanted = (productId: bigint, changes: Partial<WantedHold> = {}): WantedHold => ({
    id: newHoldId(),
    lines: [{ productId, quantity: 1n, offerId: undefined }],
    expiresAt: now() + hourMicroseconds,
    ...changes,
  });

  const levelOf = async (productId: bigint): Promise<[bigint, bigint, bigint]> => {
    const level = (await products.find(productId))?.level;
    return [level?.free ?? -1n, level?.held ?? -1n, level?.sold ?? -1n];
  };

  test.after.always(async () => {
    for (const one of databases) await one.close();
    await engine.remove();
  });

  test(`of 50 who want the last unit at once, in two processes, one gets it on ${engine.name}`, async (t) => {
    for (const _ of times(20, String)) {
      const product = await newProduct(1n);
      const results = await Promise.allSettled(times(50, (index) => stocks[index % 2]?.hold(wanted(product))));
      t.is(results.filter((result) => result.status === "fulfilled").length, 1);
      t.true(results.every((one) => one.status === "fulfilled" || one.reason instanceof OutOfStock));
      t.deepEqual(await levelOf(product), [0n, 1n, 0n]);
    }
  });

  test(`64 duplicates of a hold at once, in two processes, hold once and are answered alike on ${engine.name}`, async (t) => {
    const product = await newProduct(100n);
    const one = wanted(product);
    const answers = await Promise.all(times(64, (index) => stocks[index % 2]?.hold(one)));
    for (const answer of answers) t.deepEqual(answer, answers[0]);
    t.deepEqual(await levelOf(product), [99n, 1n, 0n]);
  });

  test(`a hold and its release at once end with the unit free, whichever came first on ${engine.name}`, async (t) => {
    const product = await newProduct(3n);
    for (const round of times(60, Number)) {
      const one = wanted(product);
      const [first, second] = round % 2 === 0 ? stocks : [stocks[1], stocks[0]];
      const [held, released] = await Promise.allSettled([first.hold(one), second.release(one.id)]);
      t.is(released.status, "fulfilled");
      t.true(held.status === "fulfilled" || held.reason instanceof HoldEnded);
      t.deepEqual(await levelOf(product), [3n, 0n, 0n]);
      await t.throwsAsync(stock.hold(one), { instanceOf: HoldEnded });
    }
  });

  test(`a commit, a release and an expiry at once leave a unit in one place on ${engine.name}`, async (t) => {
    const product = await newProduct(1n);
    for (const round of times(40, Number)) {
      const one = wanted(product, { expiresAt: now() - 1n });
      await stock.hold(one);
      const [here, there] = round % 2 === 0 ? stocks : [stocks[1], stocks[0]];
      const [committed] = await Promise.allSettled([here.commit(one.id), there.expire(one.id), there.release(one.id)]);
      t.true(committed.status === "fulfilled" || committed.reason instanceof HoldEnded);
      t.deepEqual(await levelOf(product), [1n, 0n, 0n]);
    }
  });

  test(`holds of products in any order, in two processes at once, do not stand in each other's way on ${engine.name}`, async (t) => {
    const ids = await Promise.all(times(4, () => newProduct(1_000n)));
    const orders = [ids, ids.toReversed(), [ids[2], ids[0], ids[3]], [ids[1], ids[2]]] as bigint[][];
    await Promise.all(
      times(200, (index) => {
        const lines = (orders[index % 4] ?? []).map((productId) => ({ productId, quantity: 1n, offerId: undefined }));
        return stocks[index % 2]?.hold(wanted(0n, { lines }));
      }),
    );
    const held = await Promise.all(ids.map(async (id) => (await levelOf(id))[1]));
    t.deepEqual(held, [150n, 150n, 200n, 150n]);
  });

  test(`stock is adjusted by what is free, within its limit on ${engine.name}`, async (t) => {
    const product = await newProduct(5n);
    await stock.hold(wanted(product));
    t.like(await stock.adjust({ productId: product, delta: -4n }), { free: 0n, held: 1n, sold: 0n });
    await t.throwsAsync(stock.adjust({ productId: product, delta: -1n }), { instanceOf: OutOfStock });
    t.like(await stock.adjust({ productId: product, delta: mostFree }), { free: mostFree });
    await t.throwsAsync(stock.adjust({ productId: product, delta: 1n }), { instanceOf: StockLimitExceeded });
    await t.throwsAsync(stock.adjust({ productId: 999_999n, delta: 1n }), { instanceOf: ProductNotFound });
    t.deepEqual(await levelOf(product), [mostFree, 1n, 0n]);
  });

  test.serial(`an adjustment whose answer is lost is made once on ${engine.name}`, async (t) => {
    const product = await newProduct(5n);
    const lossy = new LossyDatabase(database);
    const own = new Stock(lossy.database, new Holds(database));
    lossy.toLose = 3;
    t.like(await own.adjust({ productId: product, delta: 4n }), { free: 9n });
    t.like(await own.adjust({ productId: product, delta: 4n }), { free: 13n });
    t.is(lossy.toLose, 0);
    t.deepEqual(await levelOf(product), [13n, 0n, 0n]);
  });

  test(`what is to be written beside an adjustment is written only where it is made on ${engine.name}`, async (t) => {
    const product = await newProduct(1n);
    const renaming = () => [{ sql: "UPDATE products SET name = 'Beside' WHERE id = ?", values: [product] }];
    await t.throwsAsync(stock.adjust({ productId: product, delta: -2n }, renaming), { instanceOf: OutOfStock });
    t.is((await products.find(product))?.product.name, "Roses");
    await stock.adjust({ productId: product, delta: -1n }, renaming);
    t.is((await products.find(product))?.product.name, "Beside");
  });

  for (const place of ["free", "held", "sold"]) {
    test(`the database itself keeps ${place} from going below zero on ${engine.name}`, async (t) => {
      const product = await newProduct(1n);
      await t.throwsAsync(
        database.transaction((tx) =>
          tx.run([{ sql: `UPDATE stock SET ${place} = -1 WHERE product_id = ?`, values: [product] }]),
        ),
      );
    });
  }

  test.serial(`whatever two processes do at once, free, held and sold add up on ${engine.name}`, async (t) => {
    const holdNumber = fc.nat({ max: 5 });
    const line = fc.record({ product: fc.nat({ max: 2 }), quantity: fc.bigInt(1n, 4n) });
    const act = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("hold"), hold: holdNumber, overdue: fc.boolean() }) },
      fc.record({ kind: fc.constantFrom("commit", "release", "expire"), hold: holdNumber }),
      fc.record({ kind: fc.constant("adjust"), product: fc.nat({ max: 2 }), delta: fc.bigInt(-6n, 6n) }),
    );
    const plan = fc.record({
      start: fc.bigInt(0n, 8n),
      // What each id is to hold, mostly: now and then somebody asks for something else by it.
      lines: fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { minLength: 6, maxLength: 6 }),
      acts: fc.array(fc.record({ act, process: fc.nat({ max: 1 }), otherLines: fc.nat({ max: 9 }) }), {
        maxLength: 50,
      }),
      // Those that follow one after the other rather than all at once.
      pauses: fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ start, lines, acts, pauses }) => {
        const ids = await Promise.all(times(3, () => newProduct(start)));
        const run = randomUUID().slice(0, 8);
        const total = ids.map(() => start);
        const linesOf = (index: number) =>
          (lines[index] ?? []).map(({ product, quantity }) => {
            return { productId: ids[product] as bigint, quantity, offerId: undefined };
          });
        const doOne = async ({ act, process, otherLines }: (typeof acts)[number]): Promise<void> => {
          const own = stocks[process] as Stock;
          if ("delta" in act) {
            await own.adjust({ productId: ids[act.product] as bigint, delta: act.delta });
            total[act.product] = (total[act.product] as bigint) + act.delta;
            return;
          }
          const id = `${run}-${act.hold}`;
          if ("overdue" in act) {
            const expiresAt = now() + (act.overdue ? -1n : hourMicroseconds);
            await own.hold({ id, lines: linesOf(otherLines === 0 ? (act.hold + 1) % 6 : act.hold), expiresAt });
          } else if (act.kind === "commit") await own.commit(id);
          else if (act.kind === "release") await own.release(id);
          else await own.expire(id);
        };
        const refusedOrDone = (error: unknown) => {
          if (!(error instanceof Refusal)) throw error;
        };
        const running: Promise<void>[] = [];
        for (const [index, one] of acts.entries()) {
          running.push(doOne(one).catch(refusedOrDone));
          if (pauses[index]) await Promise.all(running);
        }
        await Promise.all(running);
        await addsUp(run, ids, total);
      }),
      { numRuns: 60 },
    );

    async function addsUp(run: string, ids: readonly bigint[], total: readonly bigint[]): Promise<void> {
      const rows = await database.select({
        sql: "SELECT id, status, due_at, held_lines FROM holds WHERE id LIKE ?",
        values: [`${run}-%`],
      });
      for (const [index, id] of ids.entries()) {
        const [free, held, sold] = await levelOf(id);
        t.deepEqual([held, sold], [unitsIn(rows, "held", id), unitsIn(rows, "committed", id)]);
        t.is(free + held + sold, total[index] ?? -1n);
        t.true(free >= 0n);
      }
    }
  });
}

/** The units of a product in the holds of a status. */
function unitsIn(rows: readonly Row[], status: string, productId: bigint): bigint {
  return rows
    .map(holdOf)
    .filter((hold) => hold.state.status === status)
    .flatMap((hold) => hold.lines)
    .filter((line) => line.productId === productId)
    .reduce((sum, line) => sum + line.quantity, 0n);
}
