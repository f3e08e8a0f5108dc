import test from "ava";
import { receiptsMigrations } from "../platform/receipt.ts";
import { engines, testDatabase } from "../platform/testing/engines.ts";
import { LossyDatabase } from "../platform/testing/lossy-database.ts";
import { now } from "../platform/time.ts";
import { asItIs, begin, placed, startCancelling, startPaying } from "./domain/steps.ts";
import { openOrderLane } from "./order-lane.ts";
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
      const payer = { method: "balance" } as const;
      const told = new Set<string>();
      for (let id = 100n; id < 150n; id++) {
        const wanted = { id, requestId: undefined, userId: 7n, payer, couponId: undefined, expireAfterMs: 60_000 };
        await lane.begin(begin(wanted, now()));
        await lane.take({ id, step: (one, at) => placed(one, priced, at) });
        const steps = id % 2n ? [startPaying, startCancelling] : [startCancelling, startPaying];
        const settled = await Promise.allSettled(steps.map((step) => openOrderLane(database).take({ id, step })));
        const words = settled.map((one) => (one.status === "fulfilled" ? one.value.state : one.reason.reason));
        told.add(words.toSorted().join(", "));
      }
      for (const one of told) t.true(["paying, paying", "PAYMENT_NOT_PAYABLE, cancelling"].includes(one), one);
    },
  );

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
