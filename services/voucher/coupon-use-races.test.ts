import { randomUUID } from "node:crypto";
import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import { auditCoupons } from "./testing/coupon-audit.ts";
import { type RunningVoucher, startReplicas, times } from "./testing/running-voucher.ts";

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [voucher] = replicas;
  const other = replicas.at(-1) ?? voucher;
  const replica = (index: number): RunningVoucher => replicas[index % replicas.length] ?? voucher;
  let lastUser = 1_000n;
  /** A coupon that a new member has so many of. */
  const claimed = async (count = 1) => {
    const couponId = await voucher.newCoupon({ totalQuantity: 1_000n, perUserLimit: count });
    const user = ++lastUser;
    for (let turn = 0; turn < count; turn++) await voucher.claim(couponId, user);
    return { couponId, user };
  };
  const reasonOf = async (call: Promise<unknown>) =>
    call.then(
      () => "done",
      (error) => error.reason,
    );

  test.after.always(async () => {
    for (const one of replicas) await one.stop();
    await engine.remove();
  });

  test(`200 times, one of 20 orders that want a member's coupon has it on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed();
    for (let round = 0; round < 200; round++) {
      const ids = times(20, () => randomUUID());
      const outcomes = await Promise.all(
        ids.map((id, index) => reasonOf(replica(index + round).use(couponId, user, { id }))),
      );
      t.deepEqual(outcomes.toSorted(), [...Array(19).fill("COUPON_ALREADY_USED"), "done"]);
      await other.giveBack(ids[outcomes.indexOf("done")] as string);
    }
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`50 times, 64 duplicates of one use have one effect and one answer on ${engine.name}`, async (t) => {
    for (const count of [1, 5]) {
      const { couponId, user } = await claimed(count);
      for (let round = 0; round < 25; round++) {
        const id = randomUUID();
        const answers = await Promise.all(times(64, (index) => replica(index).use(couponId, user, { id })));
        t.is(new Set(answers.map(({ memberCouponId }) => memberCouponId)).size, 1);
        t.is((await voucher.look(couponId)).usedQuantity, 1n);
        await voucher.giveBack(id);
      }
    }
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`100 times, duplicates of one return give one coupon back on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed(2);
    await voucher.use(couponId, user);
    for (let round = 0; round < 100; round++) {
      const id = randomUUID();
      await voucher.use(couponId, user, { id });
      await Promise.all(times(8, (index) => replica(index).giveBack(id)));
      t.is((await voucher.look(couponId)).usedQuantity, 1n);
    }
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`200 times, a use raced by its returns leaves nothing used on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed();
    for (let round = 0; round < 200; round++) {
      const id = randomUUID();
      const [used] = await Promise.all([
        reasonOf(replica(round).use(couponId, user, { id })),
        replica(round >> 1).giveBack(id),
        replica(round >> 2).giveBack(id),
      ]);
      t.true(used === "done" || used === "COUPON_USE_ENDED", used);
      t.is(await reasonOf(voucher.use(couponId, user, { id })), "COUPON_USE_ENDED");
    }
    t.like(await voucher.look(couponId), { usedQuantity: 0n });
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`100 times, an id that two members' orders want at once is one's on ${engine.name}`, async (t) => {
    const [sara, omar] = [await claimed(), await claimed()];
    for (let round = 0; round < 100; round++) {
      const id = randomUUID();
      const outcomes = await Promise.all(
        [sara, omar].map(({ couponId, user }, index) => reasonOf(replica(index).use(couponId, user, { id }))),
      );
      t.deepEqual(outcomes.toSorted(), ["COUPON_USE_ENDED", "done"]);
      await other.giveBack(id);
    }
    t.deepEqual(await auditCoupons(voucher.database), []);
  });
}
