import { randomUUID } from "node:crypto";
import test from "ava";
import { DiscountType } from "../../gen/giftmesh/voucher/v1/coupon_pb.ts";
import { refusalOf } from "../platform/rpc/status.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { now, toTimestamp } from "../platform/time.ts";
import { purgeReturnedUses, returnedUsesKeptFor } from "./store/coupon-uses.ts";
import { auditCoupons } from "./testing/coupon-audit.ts";
import { byAdmin, byUser, callOf, type RunningVoucher, startReplicas, times } from "./testing/running-voucher.ts";

const hour = 3_600_000_000n;

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [voucher] = replicas;
  const other = replicas.at(-1) ?? voucher;
  let lastUser = 1_000n;
  /** A coupon that a new member has so many of. */
  const claimed = async (changes: Parameters<RunningVoucher["newCoupon"]>[0] = {}, count = 1) => {
    const couponId = await voucher.newCoupon({ totalQuantity: 1_000n, perUserLimit: count, ...changes });
    const user = ++lastUser;
    const ids: bigint[] = [];
    for (let turn = 0; turn < count; turn++) ids.push((await voucher.claim(couponId, user)).id);
    return { couponId, user, ids };
  };
  const reasonOf = async (call: Promise<unknown>) =>
    call.then(
      () => "done",
      (error) => error.reason,
    );
  const mine = async (user: bigint) =>
    (await voucher.coupons.listMemberCoupons({ memberId: "me" }, byUser(user))).coupons;

  test.after.always(async () => {
    for (const one of replicas) await one.stop();
    await engine.remove();
  });

  test(`a use says what is off, and the member's coupon is the order's on ${engine.name}`, async (t) => {
    const { couponId, user, ids } = await claimed({ discountValue: "12.5", maxDiscount: "20" });
    const used = await voucher.use(couponId, user, { orderId: 17n, amount: 10_002n });
    t.like(used, { memberCouponId: ids[0], discount: { currencyCode: "SAR", minorUnits: 1_250n } });
    const [listed] = await mine(user);
    t.like(listed, { id: ids[0], status: 2, orderId: 17n });
    t.truthy(listed?.usedAt);
    t.like(await voucher.look(couponId), { issuedQuantity: 1n, usedQuantity: 1n });
  });

  test(`a fixed discount and a cap are in the currency's own units on ${engine.name}`, async (t) => {
    const fixed = { discountType: DiscountType.FIXED, discountValue: "1.5", currency: "KWD" };
    const one = await claimed(fixed);
    const used = await voucher.use(one.couponId, one.user, { amount: 2_000n, currency: "KWD" });
    t.like(used.discount, { currencyCode: "KWD", minorUnits: 1_500n });
    const two = await claimed(fixed);
    t.is((await voucher.use(two.couponId, two.user, { amount: 9n, currency: "KWD" })).discount?.minorUnits, 9n);
    const capped = await claimed({ discountValue: "50", maxDiscount: "300", currency: "KRW" });
    const { discount } = await voucher.use(capped.couponId, capped.user, { amount: 10_000n, currency: "KRW" });
    t.is(discount?.minorUnits, 300n);
  });

  test(`the same use again is the same answer in every process, and uses no other on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed({}, 3);
    const id = randomUUID();
    const first = await voucher.use(couponId, user, { id });
    t.deepEqual(await voucher.use(couponId, user, { id }), first);
    t.deepEqual(await other.use(couponId, user, { id }), first);
    t.is((await voucher.look(couponId)).usedQuantity, 1n);
  });

  const otherContent = {
    order: { orderId: 2n },
    amount: { amount: 9_999n },
    currency: { currency: "KRW" },
  };
  for (const [title, changes] of Object.entries<Parameters<RunningVoucher["use"]>[2]>(otherContent)) {
    test(`the id of a use with another ${title} is refused on ${engine.name}`, async (t) => {
      const { couponId, user } = await claimed({}, 2);
      const id = randomUUID();
      await voucher.use(couponId, user, { id });
      const again = visible(await failureOfCall(other.use(couponId, user, { id, ...changes })));
      t.like(again, { kind: "conflict", reason: "COUPON_USE_ENDED" });
      t.is((await voucher.look(couponId)).usedQuantity, 1n);
    });
  }

  test(`the id of a use with another member or coupon is refused on ${engine.name}`, async (t) => {
    const [sara, omar] = [await claimed(), await claimed()];
    await voucher.claim(sara.couponId, omar.user);
    const id = randomUUID();
    await voucher.use(sara.couponId, sara.user, { id });
    t.is(await reasonOf(voucher.use(sara.couponId, omar.user, { id })), "COUPON_USE_ENDED");
    t.is(await reasonOf(voucher.use(omar.couponId, omar.user, { id })), "COUPON_USE_ENDED");
  });

  test(`of several coupons the first claimed unused one is taken on ${engine.name}`, async (t) => {
    const { couponId, user, ids } = await claimed({}, 3);
    const first = randomUUID();
    const taken = [await voucher.use(couponId, user, { id: first }), await other.use(couponId, user)];
    t.deepEqual(
      taken.map((one) => one.memberCouponId),
      ids.slice(0, 2),
    );
    await other.giveBack(first);
    const next = [await voucher.use(couponId, user), await voucher.use(couponId, user)];
    t.deepEqual(
      next.map((one) => one.memberCouponId),
      [ids[0], ids[2]],
    );
    t.is(await reasonOf(voucher.use(couponId, user)), "COUPON_ALREADY_USED");
  });

  test(`what a return gives back is the member's to use, and its id is spent on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed();
    const id = randomUUID();
    await voucher.use(couponId, user, { id });
    for (const one of [voucher, other, voucher]) await one.giveBack(id);
    const [listed] = await mine(user);
    t.like(listed, { status: 1, orderId: undefined, usedAt: undefined });
    t.is((await voucher.look(couponId)).usedQuantity, 0n);
    const again = visible(await failureOfCall(other.use(couponId, user, { id })));
    t.like(again, { kind: "conflict", reason: "COUPON_USE_ENDED" });
    t.is(await reasonOf(voucher.use(couponId, user)), "done");
  });

  test(`a use that arrives after its return is refused, and takes nothing on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed();
    const id = randomUUID();
    await voucher.giveBack(id);
    await other.giveBack(id);
    t.is(await reasonOf(voucher.use(couponId, user, { id })), "COUPON_USE_ENDED");
    t.like(await mine(user), [{ status: 1 }]);
    const row = (await voucher.select("SELECT * FROM coupon_uses WHERE id = ?", id))[0];
    t.like(row, { status: "returned", coupon_id: 0n, user_id: 0n, member_coupon_id: null });
  });

  test(`a use is refused for what the member has, then the time, then the order on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed({
      minOrderAmount: "50",
      startsAt: toTimestamp(now() - 2n * hour),
      endsAt: toTimestamp(now() + hour),
    });
    const refusal = async (...args: Parameters<RunningVoucher["use"]>) =>
      visible(await failureOfCall(voucher.use(...args)));
    t.like(await refusal(99_999n, user), { kind: "not_found", reason: "COUPON_NOT_FOUND" });
    t.like(await refusal(couponId, ++lastUser), { kind: "not_found", reason: "COUPON_NOT_FOUND" });
    const notApplicable = { kind: "rule", reason: "COUPON_NOT_APPLICABLE" };
    t.like(await refusal(couponId, user, { amount: 4_999n }), notApplicable);
    t.like(await refusal(couponId, user, { currency: "USD" }), notApplicable);
    await voucher.admin.updateCoupon({ couponId, endsAt: toTimestamp(now() - hour) }, byAdmin());
    t.like(await refusal(couponId, user, { amount: 1n }), { kind: "rule", reason: "COUPON_NOT_AVAILABLE" });
    await voucher.admin.updateCoupon({ couponId, endsAt: toTimestamp(now() + hour) }, byAdmin());
    // The least that it asks for is about the amount before the discount.
    t.is(await reasonOf(voucher.use(couponId, user, { amount: 5_000n })), "done");
    t.like(await refusal(couponId, user, { amount: 1n }), { kind: "rule", reason: "COUPON_ALREADY_USED" });
  });

  test(`a coupon whose time is over is given back all the same on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed({ startsAt: toTimestamp(now() - 2n * hour) });
    const id = randomUUID();
    const first = await voucher.use(couponId, user, { id });
    await voucher.admin.updateCoupon({ couponId, endsAt: toTimestamp(now() - hour) }, byAdmin());
    t.deepEqual(await voucher.use(couponId, user, { id }), first);
    await voucher.giveBack(id);
    t.like(await mine(user), [{ status: 1 }]);
    t.is(await reasonOf(voucher.use(couponId, user)), "COUPON_NOT_AVAILABLE");
  });

  test(`each of many uses and returns is answered on its own on ${engine.name}`, async (t) => {
    const { couponId, user, ids } = await claimed({}, 2);
    const [one, two] = [randomUUID(), randomUUID()];
    const request = (id: string, changes = {}) => {
      const orderAmount = { currencyCode: "SAR", minorUnits: 1_000n };
      return { id, userId: user, couponId, orderId: 1n, orderAmount, ...changes };
    };
    const { results } = await voucher.uses.batchUseCoupon(
      {
        requests: [
          request(one),
          request("", {}),
          request(two, { couponId: 99_999n }),
          request(one),
          request(two),
          request(randomUUID()),
        ],
      },
      callOf(),
    );
    const told = results.map(({ outcome }) =>
      outcome.case === "response" ? outcome.value.memberCouponId : refusalOf(outcome.value as never).reason,
    );
    t.deepEqual(told, [ids[0], "VALIDATION_ERROR", "COUPON_NOT_FOUND", ids[0], ids[1], "COUPON_ALREADY_USED"]);
    const returned = await voucher.uses.batchReturnCoupon(
      { requests: [{ id: one }, { id: "with space" }, { id: one }, { id: two }] },
      callOf(),
    );
    t.deepEqual(
      returned.results.map(({ outcome }) => outcome.case),
      ["response", "error", "response", "response"],
    );
    t.is((await voucher.look(couponId)).usedQuantity, 0n);
  });

  test(`a use, its return and the next use may be committed together on ${engine.name}`, async (t) => {
    const { couponId, user, ids } = await claimed();
    const names = times(3, () => randomUUID());
    const outcomes = await Promise.all(
      names.flatMap((id) => [voucher.use(couponId, user, { id }), voucher.giveBack(id)]),
    );
    t.deepEqual(
      outcomes.filter((one) => "memberCouponId" in one).map((one) => one.memberCouponId),
      [ids[0], ids[0], ids[0]],
    );
    const last = randomUUID();
    await voucher.use(couponId, user, { id: last });
    const next = randomUUID();
    await Promise.all([voucher.giveBack(last), voucher.use(couponId, user, { id: next })]);
    t.like(await mine(user), [{ status: 2 }]);
    t.is((await voucher.look(couponId)).usedQuantity, 1n);
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`what was returned is forgotten 7 days later, and what is used never on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed({}, 3);
    const [live, fresh, old] = [randomUUID(), randomUUID(), randomUUID()];
    for (const id of [live, fresh, old]) await voucher.use(couponId, user, { id });
    for (const id of [fresh, old]) {
      await voucher.giveBack(id);
      await voucher.change("UPDATE coupon_uses SET created_at = created_at - ? WHERE id = ?", 8n * 24n * hour, id);
    }
    await voucher.change("UPDATE coupon_uses SET returned_at = returned_at - ? WHERE id = ?", 8n * 24n * hour, old);
    await purgeReturnedUses(voucher.database, now() - returnedUsesKeptFor);
    const rows = await voucher.select("SELECT id FROM coupon_uses WHERE id IN (?, ?, ?)", live, fresh, old);
    t.deepEqual(rows.map(({ id }) => id).toSorted(), [live, fresh].toSorted());
  });

  test(`the database itself keeps a coupon from two live uses on ${engine.name}`, async (t) => {
    const { couponId, user } = await claimed({}, 2);
    await voucher.use(couponId, user);
    const { memberCouponId } = await voucher.use(couponId, user);
    await t.throwsAsync(
      voucher.change(
        "UPDATE coupon_uses SET member_coupon_id = ? WHERE coupon_id = ? AND member_coupon_id < ?",
        memberCouponId,
        couponId,
        memberCouponId,
      ),
    );
  });
}
