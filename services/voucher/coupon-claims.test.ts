import test from "ava";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { now, toTimestamp } from "../platform/time.ts";
import { auditCoupons } from "./testing/coupon-audit.ts";
import { byAdmin, byUser, type RunningVoucher, startReplicas, times } from "./testing/running-voucher.ts";

const hour = 3_600_000_000n;

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [voucher] = replicas;
  const other = replicas.at(-1) ?? voucher;
  const replica = (index: number): RunningVoucher => replicas[index % replicas.length] ?? voucher;
  let lastUser = 1_000n;
  const newUser = () => ++lastUser;
  const reasonOf = async (call: Promise<unknown>) =>
    call.then(
      () => "issued",
      (error) => error.reason,
    );
  const update = (at: RunningVoucher, couponId: bigint, changes: object) =>
    at.admin.updateCoupon({ couponId, ...changes }, byAdmin());

  test.after.always(async () => {
    for (const one of replicas) await one.stop();
    await engine.remove();
  });

  test(`a claim answers what the member has from now on on ${engine.name}`, async (t) => {
    const [couponId, sara] = [await voucher.newCoupon({ totalQuantity: 5n }), newUser()];
    const claimed = await voucher.claim(couponId, sara);
    t.like(claimed, { couponId, status: 1 });
    const { coupons } = await voucher.coupons.listMemberCoupons({ memberId: "me" }, byUser(sara));
    t.like(coupons, [{ id: claimed.id, couponId, status: 1, issuedAt: claimed.issuedAt, orderId: undefined }]);
    t.like(await voucher.look(couponId), { issuedQuantity: 1n, remainingQuantity: 4n, usedQuantity: 0n });
  });

  for (const members of [2, 20]) {
    test(`200 times, one of ${members} members who want the last coupon gets it on ${engine.name}`, async (t) => {
      for (let round = 0; round < 200; round++) {
        const couponId = await replica(round).newCoupon();
        const outcomes = await Promise.all(
          times(members, (index) => reasonOf(replica(index + round).claim(couponId, newUser()))),
        );
        t.deepEqual(outcomes.toSorted(), [...Array(members - 1).fill("COUPON_SOLD_OUT"), "issued"]);
      }
      t.deepEqual(await auditCoupons(voucher.database), []);
    });
  }

  test(`of 300 claims of several coupons at once, each coupon gives what it has on ${engine.name}`, async (t) => {
    const totals = [1n, 17n, 64n];
    const ids = await Promise.all(totals.map((totalQuantity) => voucher.newCoupon({ totalQuantity })));
    const outcomes = await Promise.all(
      times(300, (index) => reasonOf(replica(index >> 3).claim(ids[index % 3] as bigint, newUser()))),
    );
    for (const [place, total] of totals.entries()) {
      const own = outcomes.filter((_, index) => index % 3 === place);
      t.is(own.filter((one) => one === "issued").length, Number(total));
      t.is(own.filter((one) => one === "COUPON_SOLD_OUT").length, 100 - Number(total));
    }
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`those who come first to a process are served first on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon({ totalQuantity: 7n });
    const outcomes = await Promise.all(times(20, () => reasonOf(voucher.claim(couponId, newUser()))));
    t.deepEqual(outcomes, [...Array(7).fill("issued"), ...Array(13).fill("COUPON_SOLD_OUT")]);
  });

  test(`a member gets as many as one may, however many are asked for at once on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon({ totalQuantity: 100n, perUserLimit: 3 });
    const sara = newUser();
    const outcomes = await Promise.all(times(20, (index) => reasonOf(replica(index).claim(couponId, sara))));
    t.deepEqual(outcomes.toSorted(), [...Array(17).fill("COUPON_ALREADY_ISSUED"), ...Array(3).fill("issued")]);
    t.is(await reasonOf(other.claim(couponId, newUser())), "issued");
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`each refusal says what it is on ${engine.name}`, async (t) => {
    const sara = newUser();
    const soldOut = await voucher.newCoupon();
    await voucher.claim(soldOut, sara);
    const early = await voucher.newCoupon({ startsAt: toTimestamp(now() + hour) });
    const late = await voucher.newCoupon({
      startsAt: toTimestamp(now() - 2n * hour),
      endsAt: toTimestamp(now() - hour),
    });
    const refusal = async (couponId: bigint, userId = sara) =>
      visible(await failureOfCall(voucher.claim(couponId, userId)));
    t.like(await refusal(99_999n), { kind: "not_found", reason: "COUPON_NOT_FOUND" });
    t.like(await refusal(early), { kind: "rule", reason: "COUPON_NOT_AVAILABLE" });
    t.like(await refusal(late), { kind: "rule", reason: "COUPON_NOT_AVAILABLE" });
    t.like(await refusal(soldOut), { kind: "conflict", reason: "COUPON_ALREADY_ISSUED" });
    t.like(await refusal(soldOut, newUser()), { kind: "rule", reason: "COUPON_SOLD_OUT" });
    t.like(await voucher.look(early), { status: 1 });
    t.like(await voucher.look(late), { status: 4 });
    t.like(await voucher.look(soldOut), { status: 3 });
  });

  test(`64 duplicates under one key take one coupon and get one answer on ${engine.name}`, async (t) => {
    for (const totalQuantity of [1n, 100n]) {
      for (const perUserLimit of [1, 3]) {
        const couponId = await voucher.newCoupon({ totalQuantity, perUserLimit });
        const sara = newUser();
        const answers = await Promise.all(
          times(64, (index) => replica(index).claim(couponId, sara, { idempotencyKey: "once" })),
        );
        t.is(new Set(answers.map(({ id, issuedAt }) => `${id} ${issuedAt?.nanos}`)).size, 1);
        t.is((await voucher.look(couponId)).issuedQuantity, 1n);
      }
    }
  });

  test(`duplicates in a rush of others have one effect and one answer each on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon({ totalQuantity: 25n, perUserLimit: 2 });
    const users = times(50, newUser);
    const answers = await Promise.all(
      times(200, async (index) => {
        const claim = replica(index >> 2).claim(couponId, users[index % 50] as bigint, { idempotencyKey: "rush" });
        return claim.then(
          ({ id }) => String(id),
          (error) => error.reason,
        );
      }),
    );
    for (let place = 0; place < 50; place++) {
      t.is(new Set(answers.filter((_, index) => index % 50 === place)).size, 1);
    }
    t.is((await voucher.look(couponId)).issuedQuantity, 25n);
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`what was answered under a key is answered again, though it would be otherwise now on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon();
    const [sara, omar] = [newUser(), newUser()];
    const first = await voucher.claim(couponId, sara, { idempotencyKey: "1" });
    const refused = visible(await failureOfCall(voucher.claim(couponId, omar, { idempotencyKey: "1" })));
    await update(voucher, couponId, { totalQuantity: 10n, perUserLimit: 2 });
    t.deepEqual(await other.claim(couponId, sara, { idempotencyKey: "1" }), first);
    const again = visible(await failureOfCall(other.claim(couponId, omar, { idempotencyKey: "1" })));
    t.like(again, { ...refused, requestId: (again as { requestId: string }).requestId });
    const reused = other.claim(await voucher.newCoupon(), omar, { idempotencyKey: "1" });
    t.like(visible(await failureOfCall(reused)), { reason: "IDEMPOTENCY_KEY_REUSED" });
    t.is(await reasonOf(voucher.claim(couponId, omar)), "issued");
  });

  // Each process has just granted a claim of the coupon, and goes by what it remembers of it: alone, since in a batch
  // with a coupon that is not remembered it looks.
  const changesElsewhere = {
    "has ended": [{ endsAt: toTimestamp(now() - hour) }, "COUPON_NOT_AVAILABLE"],
    "starts later": [{ startsAt: toTimestamp(now() + hour) }, "COUPON_NOT_AVAILABLE"],
    "has fewer": [{ totalQuantity: 2n }, "COUPON_SOLD_OUT"],
  } as const;
  for (const [title, [changes, reason]] of Object.entries(changesElsewhere)) {
    test.serial(`that a coupon ${title} now holds at once in every process on ${engine.name}`, async (t) => {
      const couponId = await voucher.newCoupon({ totalQuantity: 10n, startsAt: toTimestamp(now() - 2n * hour) });
      await Promise.all([voucher.claim(couponId, newUser()), other.claim(couponId, newUser())]);
      await update(other, couponId, changes);
      t.is(await reasonOf(voucher.claim(couponId, newUser())), reason);
      await update(other, couponId, {
        totalQuantity: 5n,
        startsAt: toTimestamp(now() - 2n * hour),
        endsAt: toTimestamp(now() + hour),
      });
      t.is(await reasonOf(voucher.claim(couponId, newUser())), "issued");
      t.deepEqual(await auditCoupons(voucher.database), []);
    });
  }

  test.serial(`how many a member may have, and has, holds at once in every process on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon({ totalQuantity: 100n, perUserLimit: 2 });
    const [sara, omar] = [newUser(), newUser()];
    for (const user of [sara, omar]) await voucher.claim(couponId, user);
    await other.claim(couponId, sara);
    t.is(await reasonOf(voucher.claim(couponId, sara)), "COUPON_ALREADY_ISSUED");
    await update(other, couponId, { perUserLimit: 1 });
    t.is(await reasonOf(voucher.claim(couponId, omar)), "COUPON_ALREADY_ISSUED");
    await update(other, couponId, { perUserLimit: 3 });
    t.is(await reasonOf(voucher.claim(couponId, omar)), "issued");
    t.is(await reasonOf(voucher.claim(couponId, sara)), "issued");
    t.is(await reasonOf(voucher.claim(couponId, sara)), "COUPON_ALREADY_ISSUED");
    t.deepEqual(await auditCoupons(voucher.database), []);
  });

  test(`claims and a falling quantity never cross on ${engine.name}`, async (t) => {
    for (let round = 0; round < 30; round++) {
      const couponId = await voucher.newCoupon({ totalQuantity: 40n });
      const claims = times(30, (index) => reasonOf(replica(index).claim(couponId, newUser())));
      const fallen = reasonOf(update(other, couponId, { totalQuantity: 20n }));
      const issued = (await Promise.all(claims)).filter((one) => one === "issued").length;
      const { totalQuantity, issuedQuantity } = await voucher.look(couponId);
      t.is(issuedQuantity, BigInt(issued));
      t.is(totalQuantity, (await fallen) === "COUPON_QUANTITY_TOO_LOW" ? 40n : 20n);
      t.is(issued, totalQuantity === 40n ? 30 : 20);
    }
  });

  test.serial(`the database itself issues no more than there are, and no number twice on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon();
    const { id } = await voucher.claim(couponId, newUser());
    await t.throwsAsync(voucher.change("UPDATE coupons SET issued_quantity = 2 WHERE id = ?", couponId));
    await t.throwsAsync(voucher.change("UPDATE coupons SET used_quantity = 2 WHERE id = ?", couponId));
    await t.throwsAsync(
      voucher.change(
        `INSERT INTO member_coupons (user_id, issued_at, id, coupon_id, ordinal, status)
         SELECT user_id, issued_at, id + 1000000, coupon_id, ordinal, status FROM member_coupons WHERE id = ?`,
        id,
      ),
    );
  });
}
