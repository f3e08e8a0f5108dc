import test from "ava";
import type { Database } from "../platform/database/database.ts";
import { insertInto } from "../platform/database/statements.ts";
import { IdSequence } from "../platform/ids.ts";
import { receiptsMigrations } from "../platform/receipt.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { LossyDatabase } from "../platform/testing/lossy-database.ts";
import { now } from "../platform/time.ts";
import { CouponClaims } from "./coupon-claims.ts";
import { CouponUses } from "./coupon-uses.ts";
import { Coupons } from "./store/coupons.ts";
import { migrations } from "./store/migrations.ts";
import { auditCoupons } from "./testing/coupon-audit.ts";
import { times } from "./testing/running-voucher.ts";

/** A database that counts its transactions, and of whose answers some are lost. */
class WatchedDatabase {
  inOneTrip = 0;
  inTwoTrips = 0;
  readonly lossy: LossyDatabase;

  constructor(database: Database) {
    this.lossy = new LossyDatabase({
      ...database,
      batch: (load, decide) => {
        this.inTwoTrips++;
        return database.batch(load, decide);
      },
      commit: (statements) => {
        this.inOneTrip++;
        return database.commit(statements);
      },
    });
  }

  get database(): Database {
    return this.lossy.database;
  }
}

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "voucher", [...receiptsMigrations, ...migrations]);
  const watched = new WatchedDatabase(database);
  const claims = new CouponClaims(watched.database, new IdSequence(database, "member_coupons"));
  return { engine, database, watched, claims, uses: new CouponUses(watched.database) };
}

for (const { engine, database, watched, claims, uses } of await Promise.all(engines().map(setUp))) {
  let lastId = 0n;
  const newCoupon = async (perUserLimit: bigint) => {
    const id = ++lastId;
    const at = now();
    const terms = { discount: { type: "fixed", amount: 100n }, currency: "SAR", minOrderAmount: undefined } as const;
    const offer = { name: "One off", totalQuantity: 50n, perUserLimit, startsAt: at, endsAt: undefined };
    const made = { issuedQuantity: 0n, usedQuantity: 0n, createdAt: at, updatedAt: at };
    await database.transaction((tx) => new Coupons(database).insert(tx, { id, ...terms, ...offer, ...made }));
    return id;
  };

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(`claims of a coupon that is known are granted in one round trip on ${engine.name}`, async (t) => {
    const couponId = await newCoupon(1n);
    const claimAll = (users: readonly bigint[]) =>
      Promise.allSettled(users.map((userId) => claims.claim({ couponId, userId })));
    const trips = async (users: readonly bigint[]) => {
      const before = [watched.inOneTrip, watched.inTwoTrips] as const;
      const outcomes = await claimAll(users);
      const granted = outcomes.filter(({ status }) => status === "fulfilled").length;
      return [granted, watched.inOneTrip - before[0], watched.inTwoTrips - before[1]];
    };
    t.deepEqual(await trips([1n]), [1, 0, 1]);
    t.deepEqual(await trips([2n, 3n, 4n]), [3, 1, 0]);
    t.deepEqual(await trips([5n, 2n]), [1, 0, 1]);
    t.deepEqual(await trips([6n]), [1, 1, 0]);
    // 44 are left: more than that is not granted from memory, and no more at all once they are gone.
    t.deepEqual(await trips(times(50, (index) => BigInt(index + 10))), [44, 0, 1]);
    t.deepEqual(await trips([100n]), [0, 0, 1]);
    t.deepEqual(await auditCoupons(database), []);
  });

  test.serial(`a claim that was answered elsewhere does not hold up those beside it on ${engine.name}`, async (t) => {
    const couponId = await newCoupon(1n);
    const receiptId = Buffer.alloc(32, Number(couponId));
    const columns = ["id", "request_hash", "refused", "answer", "created_at"];
    const receipt = () => insertInto("receipts", columns, [[receiptId, receiptId, 0n, receiptId, now()]]);
    await database.commit([receipt()]);
    const before = watched.inTwoTrips;
    const [answered, ...others] = await Promise.allSettled(
      times(20, (index) =>
        claims.claim({
          couponId,
          userId: BigInt(index + 1),
          ...(index === 0 && { receiptId, beside: () => [receipt()] }),
        }),
      ),
    );
    t.like(answered, { status: "rejected", reason: { reason: "ANSWERED_ELSEWHERE" } });
    t.deepEqual(new Set(others.map(({ status }) => status)), new Set(["fulfilled"]));
    t.is(watched.inTwoTrips - before, 1);
    t.deepEqual(await auditCoupons(database), []);
  });

  for (const perUserLimit of [1n, 5n]) {
    for (const known of [false, true]) {
      const title = `of ${perUserLimit} a member, ${known ? "known" : "new"} to the process,`;
      test.serial(`a claim of a coupon ${title} whose answer is lost is made once on ${engine.name}`, async (t) => {
        const couponId = await newCoupon(perUserLimit);
        if (known) await claims.claim({ couponId, userId: 99n });
        watched.lossy.toLose = 3;
        const claimed = await Promise.all(times(20, (index) => claims.claim({ couponId, userId: BigInt(index + 1) })));
        t.is(watched.lossy.toLose, 0);
        t.deepEqual(new Set(claimed.map(({ ordinal }) => ordinal)), new Set([1n]));
        const rows = await database.select({
          sql: "SELECT id FROM member_coupons WHERE coupon_id = ? AND user_id < 99 ORDER BY id",
          values: [couponId],
        });
        t.deepEqual(
          rows.map(({ id }) => id),
          claimed.map(({ id }) => id).toSorted((a, b) => (a < b ? -1 : 1)),
        );
        t.deepEqual(await auditCoupons(database), []);
      });
    }
  }

  test.serial(`uses and returns whose answers are lost are made once on ${engine.name}`, async (t) => {
    const couponId = await newCoupon(1n);
    const users = times(20, (index) => BigInt(index + 1));
    await Promise.all(users.map((userId) => claims.claim({ couponId, userId })));
    const order = (userId: bigint) => {
      return { id: `order-${userId}`, userId, couponId, orderId: userId, orderAmount: 500n, currency: "SAR" };
    };
    watched.lossy.toLose = 2;
    const used = await Promise.all(users.map((userId) => uses.use(order(userId))));
    t.deepEqual(new Set(used.map(({ discount }) => discount)), new Set([100n]));
    watched.lossy.toLose = 2;
    await Promise.all(users.slice(0, 5).map((userId) => uses.return(order(userId).id)));
    t.is(watched.lossy.toLose, 0);
    t.is((await new Coupons(database).find(couponId))?.usedQuantity, 15n);
    t.deepEqual(await auditCoupons(database), []);
  });
}
