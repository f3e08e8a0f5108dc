import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import type { Database } from "../platform/database/database.ts";
import { IdSequence } from "../platform/ids.ts";
import { receiptsMigrations } from "../platform/receipt.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { now } from "../platform/time.ts";
import { CouponClaims } from "./coupon-claims.ts";
import { Coupons } from "./store/coupons.ts";
import { migrations } from "./store/migrations.ts";
import { auditCoupons } from "./testing/coupon-audit.ts";
import { times } from "./testing/running-voucher.ts";

/** What becomes of one commit; it is called once the statements are on their way. */
type Step = (commit: () => Promise<void>) => Promise<void>;

const lost = () => Object.assign(new Error("Connection lost"), { code: "PROTOCOL_CONNECTION_LOST" });

/** A process that claims coupons, of whose next commits it is said what becomes of them. */
class SteeredProcess {
  readonly steps: Step[] = [];
  readonly claims: CouponClaims;

  constructor(database: Database) {
    const commit: Database["commit"] = (statements) => {
      const step = this.steps.shift() ?? ((run) => run());
      return step(() => database.commit(statements));
    };
    // SQLite too can have two commits wait, one for the other.
    this.claims = new CouponClaims({ ...database, commitsAside: true, commit }, new IdSequence(database, "numbers"));
  }

  /** What members come to who claim at once, in their order: the number among their own, or why not. */
  async claimAll(couponId: bigint, users: readonly bigint[]): Promise<(bigint | string)[]> {
    return Promise.all(
      users.map((userId) =>
        this.claims.claim({ couponId, userId }).then(
          ({ ordinal }) => ordinal,
          ({ reason }) => reason as string,
        ),
      ),
    );
  }
}

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "voucher", [...receiptsMigrations, ...migrations]);
  return { engine, database };
}

/** Who claims in a first batch, who while its commit is under way, and what then becomes of that. */
interface Course {
  readonly early: readonly bigint[];
  readonly late: readonly bigint[];
  readonly fate: Step;
  /** What happens once both batches have been asked for. */
  readonly between?: (() => Promise<unknown>) | undefined;
}

const goesThrough: Step = (commit) => commit();

const fates: Readonly<Record<string, Step>> = {
  "is lost before it is done": () => Promise.reject(lost()),
  "is lost after it is done": async (commit) => {
    await commit();
    throw lost();
  },
  "is refused": () => Promise.reject(new Error("Refused")),
  "goes through": goesThrough,
};

for (const { engine, database } of await Promise.all(engines().map(setUp))) {
  const newProcesses = () => [new SteeredProcess(database), new SteeredProcess(database)] as const;
  let lastCoupon = 0n;
  let lastUser = 0n;
  const newUsers = (count: number) => times(count, () => ++lastUser);
  const newCoupon = async (totalQuantity: bigint, perUserLimit = 1n) => {
    const id = ++lastCoupon;
    const at = now();
    const terms = { discount: { type: "fixed", amount: 100n }, currency: "SAR", minOrderAmount: undefined } as const;
    const offer = { name: "One off", totalQuantity, perUserLimit, startsAt: at, endsAt: undefined };
    const made = { issuedQuantity: 0n, usedQuantity: 0n, createdAt: at, updatedAt: at };
    await database.transaction((tx) => new Coupons(database).insert(tx, { id, ...terms, ...offer, ...made }));
    return id;
  };

  /** Has some claim, and others while the commit of the first is under way: it comes to its fate a little later. */
  const claimInTwo = async (process: SteeredProcess, couponId: bigint, { early, late, fate, between }: Course) => {
    const [isFirstSent, isSecondDone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isFirstDone = false;
    let wereBothSent = false;
    process.steps.push(
      async (commit) => {
        isFirstSent.resolve();
        // The second waits for the first, be it here or in the database, where it does not fail.
        await Promise.race([isSecondDone.promise, sleep(50)]);
        isFirstDone = true;
        await fate(commit);
      },
      async (commit) => {
        wereBothSent = !isFirstDone;
        await commit().finally(isSecondDone.resolve);
      },
    );
    const claimedEarly = process.claimAll(couponId, early);
    await isFirstSent.promise;
    const claimedLate = process.claimAll(couponId, late);
    await between?.();
    return { early: await claimedEarly, late: await claimedLate, wereBothSent };
  };

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  for (const [title, fate] of Object.entries(fates)) {
    test.serial(`Claims do not overtake those whose commit ${title} on ${engine.name}`, async (t) => {
      const couponId = await newCoupon(10n);
      const [first, second] = newProcesses();
      await first.claimAll(couponId, newUsers(1));
      // Of which the first does not know: to it, there is enough for all.
      await second.claimAll(couponId, newUsers(3));
      const two = await claimInTwo(first, couponId, { early: newUsers(3), late: newUsers(6), fate });
      const someLate = [...Array(3).fill(1n), ...Array(3).fill("COUPON_SOLD_OUT")];
      t.deepEqual(two, { early: Array(3).fill(1n), late: someLate, wereBothSent: true });
      t.deepEqual(await auditCoupons(database), []);
    });

    test.serial(
      `A member's coupons are numbered as they were asked for though a commit ${title} on ${engine.name}`,
      async (t) => {
        const couponId = await newCoupon(100n, 3n);
        const [process] = newProcesses();
        const users = newUsers(4);
        await process.claimAll(couponId, users);
        const two = await claimInTwo(process, couponId, { early: users, late: users, fate });
        t.deepEqual(two, { early: Array(4).fill(2n), late: Array(4).fill(3n), wereBothSent: true });
        t.deepEqual(await auditCoupons(database), []);
      },
    );
  }

  test.serial(
    `Where another process comes between three times, batches go one by one for a second on ${engine.name}`,
    async (t) => {
      const couponId = await newCoupon(100n);
      const [first, second] = newProcesses();
      for (const process of [first, second]) await process.claimAll(couponId, newUsers(1));
      const claim = (between?: () => Promise<unknown>) =>
        claimInTwo(first, couponId, { early: newUsers(6), late: newUsers(6), fate: goesThrough, between });
      const granted = { early: Array(6).fill(1n), late: Array(6).fill(1n) };
      for (let time = 0; time < 3; time++) {
        t.deepEqual(await claim(() => second.claimAll(couponId, newUsers(2))), { ...granted, wereBothSent: true });
      }
      t.deepEqual(await claim(), { ...granted, wereBothSent: false });
      await sleep(1_000);
      t.deepEqual(await claim(), { ...granted, wereBothSent: true });
      t.deepEqual(await auditCoupons(database), []);
    },
  );
}
