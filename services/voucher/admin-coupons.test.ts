import test from "ava";
import { DiscountType } from "../../gen/giftmesh/voucher/v1/coupon_pb.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { now, toTimestamp } from "../platform/time.ts";
import { byAdmin, byUser, startReplicas, times } from "./testing/running-voucher.ts";

const hour = 3_600_000_000n;
const percent = { name: "A coupon", discountType: DiscountType.PERCENT, discountValue: "10", totalQuantity: 5n };
const fixed = { ...percent, discountType: DiscountType.FIXED, discountValue: "5" };

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [voucher] = replicas;
  const { admin } = voucher;
  const other = replicas.at(-1) ?? voucher;
  const violationsOf = async (call: Promise<unknown>) =>
    (visible(await failureOfCall(call)) as { fields?: readonly object[] }).fields;

  test.after.always(async () => {
    for (const one of replicas) await one.stop();
    await engine.remove();
  });

  test(`a coupon is made with what was said, and the usual where nothing was on ${engine.name}`, async (t) => {
    const { coupon } = await admin.createCoupon(percent, byAdmin());
    t.like(coupon, {
      name: "A coupon",
      discountType: DiscountType.PERCENT,
      discountValue: "10",
      currency: "SAR",
      minOrderAmount: undefined,
      maxDiscount: undefined,
      totalQuantity: 5n,
      remainingQuantity: 5n,
      issuedQuantity: 0n,
      usedQuantity: 0n,
      perUserLimit: 1,
      status: 2,
      endsAt: undefined,
    });
    t.deepEqual(coupon?.startsAt, coupon?.createdAt);
    t.deepEqual(coupon?.updatedAt, coupon?.createdAt);
    t.deepEqual((await other.look(coupon?.id ?? 0n)).name, "A coupon");
  });

  test(`amounts and percentages come out in their own form on ${engine.name}`, async (t) => {
    const startsAt = toTimestamp(now() + hour);
    const { coupon: one } = await admin.createCoupon(
      {
        ...percent,
        discountValue: "12.50",
        currency: "KWD",
        minOrderAmount: "50",
        maxDiscount: "0.5",
        perUserLimit: 100,
        startsAt,
        endsAt: startsAt,
      },
      byAdmin(),
    );
    const expected = { discountValue: "12.5", currency: "KWD", minOrderAmount: "50.000", maxDiscount: "0.500" };
    t.like(one, { ...expected, perUserLimit: 100, status: 1, startsAt, endsAt: startsAt });
    const { coupon: seen } = await voucher.coupons.getCoupon({ couponId: one?.id ?? 0n }, byUser(7n));
    t.like(seen, { ...expected, perUserLimit: 100, status: 1, totalQuantity: 5n, remainingQuantity: 5n });
    const { coupon: two } = await admin.createCoupon({ ...fixed, currency: "KRW" }, byAdmin());
    t.like(two, { discountType: DiscountType.FIXED, discountValue: "5", maxDiscount: undefined });
    t.like((await admin.createCoupon(fixed, byAdmin())).coupon, { discountValue: "5.00" });
  });

  const sentences = {
    discount_value: "The discount value",
    max_discount: "The max discount",
    min_order_amount: "The min order amount",
    ends_at: "The ends at",
    currency: "The currency",
  };
  const wrong = [
    [{ ...percent, discountValue: "0" }, "discount_value", "must be greater than 0"],
    [{ ...percent, discountValue: "-5" }, "discount_value", "must be greater than 0"],
    [{ ...percent, discountValue: "100.01" }, "discount_value", "must not be greater than 100"],
    [{ ...percent, discountValue: "1.001" }, "discount_value", "must have at most 2 decimals"],
    [{ ...percent, discountValue: "ten" }, "discount_value", "must be a number"],
    [{ ...fixed, discountValue: "1.005" }, "discount_value", "must have at most 2 decimals"],
    [{ ...fixed, discountValue: "1.5", currency: "KRW" }, "discount_value", "must have no decimals"],
    [{ ...fixed, discountValue: "0.00" }, "discount_value", "must be greater than 0"],
    [{ ...fixed, maxDiscount: "1" }, "max_discount", "is for the discount type percent only"],
    [{ ...percent, maxDiscount: "0" }, "max_discount", "must be greater than 0"],
    [{ ...percent, maxDiscount: "x" }, "max_discount", "must be a number"],
    [{ ...percent, minOrderAmount: "-1" }, "min_order_amount", "must be greater than 0"],
    [{ ...fixed, minOrderAmount: "1.001" }, "min_order_amount", "must have at most 2 decimals"],
    [{ ...percent, endsAt: toTimestamp(1n) }, "ends_at", "must not be before starts at"],
    [
      { ...percent, startsAt: toTimestamp(now() + hour), endsAt: toTimestamp(now()) },
      "ends_at",
      "must not be before starts at",
    ],
    [{ ...percent, currency: "XXX" }, "currency", "is not supported"],
  ] as const;
  for (const [index, [request, field, problem]] of wrong.entries()) {
    test(`a coupon whose ${field} ${problem} is not made (${index}) on ${engine.name}`, async (t) => {
      t.deepEqual(await violationsOf(admin.createCoupon(request, byAdmin())), [
        { field, description: `${sentences[field]} ${problem}.` },
      ]);
    });
  }

  test(`all that is wrong with a coupon is said at once on ${engine.name}`, async (t) => {
    const bad = { ...fixed, discountValue: "x", maxDiscount: "1", minOrderAmount: "y", endsAt: toTimestamp(1n) };
    const fields = (await violationsOf(admin.createCoupon(bad, byAdmin()))) as { field: string }[];
    t.deepEqual(fields.map(({ field }) => field).toSorted(), [
      "discount_value",
      "ends_at",
      "max_discount",
      "min_order_amount",
    ]);
  });

  test(`64 duplicates of a creation make one coupon and get one answer on ${engine.name}`, async (t) => {
    const name = `Once on ${engine.name}`;
    const answers = await Promise.all(
      times(64, (index) =>
        (replicas[index % replicas.length] ?? voucher).admin.createCoupon(
          { ...percent, name },
          byAdmin({ idempotencyKey: "once" }),
        ),
      ),
    );
    t.is(new Set(answers.map(({ coupon }) => coupon?.id)).size, 1);
    t.is((await voucher.select("SELECT id FROM coupons WHERE name = ?", name)).length, 1);
  });

  test(`what is not named of a coupon stays as it is on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon({ minOrderAmount: "10", maxDiscount: "5" });
    const before = await voucher.look(couponId);
    const { coupon: same } = await admin.updateCoupon({ couponId }, byAdmin());
    t.deepEqual({ ...same, updatedAt: before.updatedAt }, { ...before });
    const [startsAt, endsAt] = [toTimestamp(now() - hour), toTimestamp(now() + hour)];
    const changes = { name: "Other", totalQuantity: 9n, perUserLimit: 4, startsAt, endsAt };
    const { coupon } = await admin.updateCoupon({ couponId, ...changes }, byAdmin());
    t.like(coupon, { ...changes, remainingQuantity: 9n, minOrderAmount: "10.00", maxDiscount: "5.00" });
    t.like(await other.look(couponId), { ...changes, createdAt: before.createdAt });
  });

  test(`a coupon's quantity does not fall below what has been issued on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon({ totalQuantity: 5n });
    for (const user of [1n, 2n]) await voucher.claim(couponId, user);
    const tooLow = admin.updateCoupon({ couponId, totalQuantity: 1n, name: "Low" }, byAdmin());
    t.like(visible(await failureOfCall(tooLow)), { kind: "rule", reason: "COUPON_QUANTITY_TOO_LOW" });
    t.like(await voucher.look(couponId), { totalQuantity: 5n, name: "Ten percent off" });
    const { coupon } = await admin.updateCoupon({ couponId, totalQuantity: 2n }, byAdmin());
    t.like(coupon, { remainingQuantity: 0n, status: 3 });
  });

  test(`an end before the start is refused, whichever of them is changed on ${engine.name}`, async (t) => {
    const endsAt = toTimestamp(now() + hour);
    const couponId = await voucher.newCoupon({ endsAt });
    const told = [{ field: "ends_at", description: "The ends at must not be before starts at." }];
    t.deepEqual(await violationsOf(admin.updateCoupon({ couponId, endsAt: toTimestamp(1n) }, byAdmin())), told);
    const late = { couponId, startsAt: toTimestamp(now() + 2n * hour) };
    t.deepEqual(await violationsOf(admin.updateCoupon(late, byAdmin())), told);
    t.like(await voucher.look(couponId), { endsAt });
  });

  test(`a coupon that is not there is a 404 for everybody on ${engine.name}`, async (t) => {
    const couponId = 99_999n;
    for (const call of [
      admin.getAdminCoupon({ couponId }, byAdmin()),
      admin.updateCoupon({ couponId, totalQuantity: 1n }, byAdmin()),
      voucher.coupons.getCoupon({ couponId }, byUser(7n)),
    ]) {
      t.like(visible(await failureOfCall(call)), { kind: "not_found", reason: "COUPON_NOT_FOUND" });
    }
  });

  test(`coupons are for those who run the house to make, and for members to claim on ${engine.name}`, async (t) => {
    const couponId = await voucher.newCoupon();
    const forbidden = { kind: "forbidden", reason: "FORBIDDEN" };
    t.like(visible(await failureOfCall(admin.createCoupon(percent, byUser(7n)))), forbidden);
    t.like(visible(await failureOfCall(admin.updateCoupon({ couponId }, byUser(7n)))), forbidden);
    t.like(visible(await failureOfCall(admin.getAdminCoupon({ couponId }, byUser(7n)))), forbidden);
    t.like(visible(await failureOfCall(admin.listCoupons({}, byUser(7n)))), forbidden);
    t.like(visible(await failureOfCall(voucher.coupons.claimCoupon({ couponId }, byAdmin()))), forbidden);
  });

  test.serial(`coupons are listed, the newest first, by page and by cursor alike on ${engine.name}`, async (t) => {
    for (let turn = 0; turn < 7; turn++) await voucher.newCoupon({ name: `Listed ${turn}` });
    const first = await admin.listCoupons({ perPage: 3 }, byAdmin());
    t.like(first.pageInfo, { currentPage: 1, perPage: 3 });
    const total = Number(first.pageInfo?.total);
    t.is(first.pageInfo?.lastPage, Math.ceil(total / 3));
    const pages = await Promise.all(
      times(Math.ceil(total / 3), (index) => admin.listCoupons({ page: index + 1, perPage: 3 }, byAdmin())),
    );
    const byPage = pages.flatMap(({ coupons }) => coupons);
    const byCursor = [...first.coupons];
    for (let cursor = first.pageInfo?.nextCursor; cursor !== undefined; ) {
      const next = await admin.listCoupons({ perPage: 3, cursor }, byAdmin());
      t.like(next.pageInfo, { total: undefined, currentPage: undefined });
      byCursor.push(...next.coupons);
      cursor = next.pageInfo?.nextCursor;
    }
    t.deepEqual(byCursor, byPage);
    t.is(byPage.length, total);
    const instants = byPage.map(({ createdAt }) => createdAt?.seconds ?? 0n);
    t.deepEqual(
      instants,
      instants.toSorted((a, b) => Number(b - a)),
    );
    t.like(visible(await failureOfCall(admin.listCoupons({ cursor: "nonsense" }, byAdmin()))), {
      fields: [{ field: "cursor" }],
    });
  });

  test(`a member's coupons are listed, the newest first, by status too on ${engine.name}`, async (t) => {
    const sara = 77n;
    const ids: bigint[] = [];
    for (let turn = 0; turn < 7; turn++) {
      const couponId = await voucher.newCoupon({ name: `Of Sara ${turn}` });
      ids.push((await voucher.claim(couponId, sara)).id);
      if (turn % 3 === 0) await voucher.use(couponId, sara, { orderId: BigInt(turn + 1) });
    }
    const list = (request: object, call = byUser(sara)) =>
      voucher.coupons.listMemberCoupons({ memberId: "me", ...request }, call);
    const first = await list({ perPage: 4 });
    t.like(first.pageInfo, { currentPage: 1, perPage: 4, total: 7n, lastPage: 2 });
    const [second, beyond] = [await list({ perPage: 4, page: 2 }), await list({ perPage: 4, page: 3 })];
    const all = [...first.coupons, ...second.coupons];
    t.deepEqual(all.map(({ id }) => id).toSorted(), ids.toSorted());
    const at = all.map(({ issuedAt }) => (issuedAt?.seconds ?? 0n) * 1_000_000_000n + BigInt(issuedAt?.nanos ?? 0));
    t.deepEqual(
      at,
      at.toSorted((a, b) => Number(b - a)),
    );
    t.deepEqual(beyond.coupons, []);
    const rest = await list({ perPage: 4, cursor: first.pageInfo?.nextCursor });
    t.deepEqual(rest.coupons, second.coupons);
    const used = await list({ status: 2 });
    t.deepEqual(used.coupons.map(({ orderId }) => orderId).toSorted(), [1n, 4n, 7n]);
    t.like(used.pageInfo, { total: 3n });
    const unused = await list({ status: 1, perPage: 3 });
    t.like(unused.pageInfo, { total: 4n });
    const unusedRest = await list({ status: 1, perPage: 3, cursor: unused.pageInfo?.nextCursor });
    t.is(unusedRest.coupons.length, 1);
    t.deepEqual((await list({ memberId: String(sara) }, byAdmin())).coupons, (await list({})).coupons);
    const strange = visible(await failureOfCall(list({ memberId: String(sara) }, byUser(78n))));
    t.like(strange, { kind: "not_found", reason: "MEMBER_NOT_FOUND" });
  });
}
