import { randomUUID } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { engines } from "../platform/testing/engines.ts";
import { auditCoupons } from "./testing/coupon-audit.ts";
import { type Ask, CouponModel } from "./testing/coupon-model.ts";
import { type RunningVoucher, startReplicas } from "./testing/running-voucher.ts";

const user = fc.integer({ min: 1, max: 3 });
const coupon = fc.integer({ min: 0, max: 1 });
const id = fc.integer({ min: 1, max: 6 });
const ask: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({ kind: fc.constant("claim"), coupon, user }),
  fc.record({ kind: fc.constant("use"), id, coupon, user }),
  fc.record({ kind: fc.constant("use"), id, coupon, user }),
  fc.record({ kind: fc.constant("return"), id }),
);
const someCoupons = fc.array(
  fc.record({ total: fc.integer({ min: 1, max: 4 }), perUser: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 2, maxLength: 2 },
);

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [voucher] = replicas;
  const replica = (index: number): RunningVoucher => replicas[index % replicas.length] ?? voucher;

  /** Coupons of one run, and a way to ask as the model is asked. */
  const newRun = async (made: readonly { total: number; perUser: number }[]) => {
    const run = randomUUID();
    const couponIds: bigint[] = [];
    for (const { total, perUser } of made) {
      couponIds.push(await voucher.newCoupon({ totalQuantity: BigInt(total), perUserLimit: perUser }));
    }
    const places = new Map<bigint, number>();
    const answer = async (one: Ask, at: RunningVoucher): Promise<string> => {
      try {
        switch (one.kind) {
          case "claim": {
            const { id } = await at.claim(couponIds[one.coupon] as bigint, BigInt(one.user));
            const [row] = await at.select("SELECT ordinal FROM member_coupons WHERE id = ?", id);
            places.set(id, Number(row?.ordinal));
            return "issued";
          }
          case "use": {
            const couponId = couponIds[one.coupon] as bigint;
            const used = await at.use(couponId, BigInt(one.user), { id: `${run}-${one.id}` });
            return `took ${places.get(used.memberCouponId) ?? "unknown"}`;
          }
          case "return":
            await at.giveBack(`${run}-${one.id}`);
            return "returned";
          default:
            throw one satisfies never;
        }
      } catch (error) {
        return (error as { reason?: string }).reason ?? String(error);
      }
    };
    return { couponIds, answer };
  };

  test.after.always(async () => {
    for (const one of replicas) await one.stop();
    await engine.remove();
  });

  test.serial(
    `claims, uses and returns, one after the other, are as in a simple model on ${engine.name}`,
    async (t) => {
      await fc.assert(
        fc.asyncProperty(someCoupons, fc.array(ask, { minLength: 1, maxLength: 30 }), async (made, asks) => {
          const { couponIds, answer } = await newRun(made);
          const model = new CouponModel(made);
          for (const [index, one] of asks.entries()) {
            t.is(await answer(one, replica(index)), model.answer(one), JSON.stringify(asks.slice(0, index + 1)));
          }
          for (const [place, couponId] of couponIds.entries()) {
            const { issuedQuantity, usedQuantity } = await voucher.look(couponId);
            t.deepEqual([issuedQuantity, usedQuantity], [BigInt(model.issued(place)), BigInt(model.used(place))]);
          }
        }),
        { numRuns: 60 },
      );
      t.deepEqual(await auditCoupons(voucher.database), []);
    },
  );

  test.serial(`asked in one batch they are as in the model too on ${engine.name}`, async (t) => {
    await fc.assert(
      fc.asyncProperty(someCoupons, fc.array(ask, { minLength: 1, maxLength: 30 }), async (made, asks) => {
        const { answer } = await newRun(made);
        const model = new CouponModel(made);
        // Claims have a lane of their own: so first all of these, then all others.
        const claims = asks.filter(({ kind }) => kind === "claim");
        const others = asks.filter(({ kind }) => kind !== "claim");
        for (const together of [claims, others]) {
          const answers = await Promise.all(together.map((one) => answer(one, voucher)));
          const expected = together.map((one) => model.answer(one));
          t.deepEqual(answers, expected, JSON.stringify(together));
        }
      }),
      { numRuns: 60 },
    );
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test.serial(`however they are raced, quantities and statuses agree in the end on ${engine.name}`, async (t) => {
    await fc.assert(
      fc.asyncProperty(someCoupons, fc.array(ask, { minLength: 30, maxLength: 120 }), async (made, asks) => {
        const { couponIds, answer } = await newRun(made);
        const answers = await Promise.all(asks.map((one, index) => answer(one, replica(index))));
        const unexpected = answers.filter((one) => !/^(issued|took \S+|returned|COUPON_[A-Z_]+)$/.test(one));
        t.deepEqual(unexpected, []);
        for (const [place, couponId] of couponIds.entries()) {
          const rows = await voucher.select(
            "SELECT MAX(ordinal) AS most FROM member_coupons WHERE coupon_id = ?",
            couponId,
          );
          t.true(Number(rows[0]?.most ?? 0n) <= (made[place]?.perUser ?? 0));
        }
        t.deepEqual(await auditCoupons(voucher.database), []);
      }),
      { numRuns: 40 },
    );
  });
}
