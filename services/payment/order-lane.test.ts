import test from "ava";
import type { Database } from "../platform/database/database.ts";
import { receiptsMigrations } from "../platform/receipt.ts";
import { NotFound } from "../platform/refusal.ts";
import { engines, testDatabase } from "../platform/testing/engines.ts";
import { LossyDatabase } from "../platform/testing/lossy-database.ts";
import { now } from "../platform/time.ts";
import { asItIs, begin, placed, startCancelling, startPaying } from "./domain/steps.ts";
import { type OrderLane, openOrderLane } from "./order-lane.ts";
import { migrations } from "./store/migrations.ts";

const item = {
  productId: 1n,
  vendorId: 1n,
  name: "Roses",
  quantity: 2n,
  unitPrice: 100n,
  currency: "SAR",
  offerId: undefined,
  discount: 0n,
  completedAt: undefined,
};
const priced = { items: [item], currency: "SAR", discount: 0n, total: 200n };

const day = 86_400_000_000n;

/** Has an order placed that can be paid. */
async function place(lane: OrderLane, id: bigint): Promise<void> {
  const payer = { method: "balance" } as const;
  const wanted = { id, requestId: undefined, userId: 7n, payer, couponId: undefined, expireAfterMs: 60_000 };
  await lane.begin(begin(wanted, now()));
  await lane.take({ id, step: (one, at) => placed(one, priced, at) });
}

const found = engines();
const all = await Promise.all(
  found.map(async (engine) => ({
    engine,
    database: await testDatabase(engine, "payment", [...receiptsMigrations, ...migrations]),
  })),
);

for (const { engine, database } of all) {
  const lossy = new LossyDatabase(database);
  const lane = openOrderLane(lossy.database);

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  for (const requestId of [undefined, "asked by a key"]) {
    const asked = requestId === undefined ? "without a key" : "with a key";
    test.serial(
      `an order that is asked for ${asked} is placed though answers are lost on ${engine.name}`,
      async (t) => {
        const id = requestId === undefined ? 1n : 2n;
        const payer = { method: "balance" } as const;
        const wanted = { id, requestId, userId: 7n, payer, couponId: undefined, expireAfterMs: 60_000 };
        const order = begin(wanted, now());
        lossy.toLose = 3;
        t.deepEqual(await lane.begin(order), order);
        lossy.toLose = 3;
        t.like(await lane.take({ id, step: (one, at) => placed(one, priced, at) }), {
          state: "awaiting_payment",
          items: [item],
        });
        lossy.toLose = 3;
        t.like(await lane.take({ id, step: startPaying }), { state: "paying", attempt: 1n, items: [item] });
        t.is(lossy.toLose, 0);
      },
    );
  }

  test.serial(
    `of two replicas at one order, the second finds what the first has made of it, on ${engine.name}`,
    async (t) => {
      const told = new Set<string>();
      for (let id = 100n; id < 150n; id++) {
        await place(lane, id);
        const steps = id % 2n ? [startPaying, startCancelling] : [startCancelling, startPaying];
        // Of every second order, the first knows it as it was placed.
        const lanes = [id % 4n < 2n ? lane : openOrderLane(database), openOrderLane(database)];
        const settled = await Promise.allSettled(steps.map((step, index) => lanes[index]?.take({ id, step })));
        const words = settled.map((one) => (one.status === "fulfilled" ? one.value?.state : one.reason.reason));
        told.add(words.toSorted().join(", "));
      }
      for (const one of told) t.true(["paying, paying", "PAYMENT_NOT_PAYABLE, cancelling"].includes(one), one);
    },
  );

  test.serial(`an order under way is read again only where that takes no round trip, on ${engine.name}`, async (t) => {
    let reads = 0;
    const batch: Database["batch"] = (load, decide) => {
      reads++;
      return database.batch(load, decide);
    };
    const counting = openOrderLane({ ...database, batch });
    await place(counting, 200n);
    t.like(await counting.take({ id: 200n, step: startPaying }), { state: "paying", items: [item] });
    t.is(reads, database.commitsAside ? 0 : 2);
  });

  test.serial(`a step is decided by what others have made of an order since, on ${engine.name}`, async (t) => {
    await place(lane, 201n);
    await openOrderLane(database).take({ id: 201n, step: startCancelling });
    await t.throwsAsync(lane.take({ id: 201n, step: startPaying }), { message: /cannot be made any more|cancelled/ });

    await place(lane, 202n);
    await database.commit([{ sql: "UPDATE orders SET due_at = 1 WHERE id = 202", values: [] }]);
    t.like(await lane.take({ id: 202n, step: asItIs }), { dueAt: 1n });
  });

  test.serial(`an order that a server has lost does not come back, on ${engine.name}`, async (t) => {
    await place(lane, 203n);
    await database.commit([{ sql: "DELETE FROM orders WHERE id = 203", values: [] }]);
    await t.throwsAsync(lane.take({ id: 203n, step: startPaying }), { instanceOf: NotFound });
    t.deepEqual(await database.select({ sql: "SELECT id FROM orders WHERE id = 203", values: [] }), []);
  });

  test.serial(`orders that others have changed do not hold up those beside them, on ${engine.name}`, async (t) => {
    const ids = Array.from({ length: 20 }, (_, n) => 210n + BigInt(n));
    for (const id of ids) await place(lane, id);
    const changed = ids.filter((id) => id % 3n === 0n);
    await Promise.all(changed.map((id) => openOrderLane(database).take({ id, step: startPaying })));
    const taken = await Promise.all(ids.map((id) => lane.take({ id, step: startPaying })));
    t.deepEqual(
      taken.map(({ id, state, attempt }) => [id, state, attempt]),
      ids.map((id) => [id, "paying", 1n]),
    );
  });

  test.serial(`a request that began an order a day ago begins another, on ${engine.name}`, async (t) => {
    const payer = { method: "balance" } as const;
    const wanted = { requestId: "monthly", userId: 7n, payer, couponId: undefined, expireAfterMs: 60_000 };
    const old = await lane.begin(begin({ ...wanted, id: 10n }, now() - day));
    await lane.take({ id: old.id, step: (one, at) => placed(one, priced, at) });
    const [one, other] = await Promise.all([11n, 12n].map((id) => lane.begin(begin({ ...wanted, id }, now()))));
    t.deepEqual([one?.id, other?.id], [11n, 11n]);
    t.is((await lane.begin(begin({ ...wanted, id: 13n }, now()))).id, 11n);
    t.like(await lane.take({ id: old.id, step: asItIs }), {
      requestId: undefined,
      state: "awaiting_payment",
      items: [item],
    });
  });

  test.serial(`a gift card's order is known by its request for good, on ${engine.name}`, async (t) => {
    const payer = { method: "gift_card", giftCardId: 9n, cardAmount: 700n } as const;
    const wanted = { requestId: "gift-card/9", userId: 7n, payer, couponId: undefined, expireAfterMs: 60_000 };
    await lane.begin(begin({ ...wanted, id: 20n }, now() - 2n * day));
    t.is((await lane.begin(begin({ ...wanted, id: 21n }, now()))).id, 20n);
  });
}
