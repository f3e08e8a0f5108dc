import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import test from "ava";
import { ChargePointsRequestSchema, PointsService } from "../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import type { Statement } from "../platform/database/database.ts";
import { mostMinorUnits } from "../platform/money.ts";
import { IdempotencyKeyReused, Receipt, receiptsMigrations } from "../platform/receipt.ts";
import { Unavailable } from "../platform/refusal.ts";
import { Call } from "../platform/rpc/call.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { Charging } from "./charging.ts";
import { BalanceLimitExceeded, ChargeDeclined } from "./domain/errors.ts";
import type { Charge, PaymentProvider } from "./domain/payment-provider.ts";
import { auditLedger } from "./store/audit.ts";
import { Charges } from "./store/charges.ts";
import { migrations } from "./store/migrations.ts";
import { ledgerOn } from "./testing/ledgers.ts";

const rounds = 100;
const dayMicroseconds = 86_400_000_000n;

/** A provider that takes real money, as far as can be told: it keeps to what the interface asks of one. */
class Bank implements PaymentProvider {
  /** What it holds, by the charge. */
  readonly taken = new Map<string, bigint>();
  readonly cancelled = new Set<string>();
  asked = 0;
  /** Called when the money is taken and the answer is on its way. */
  beforeAnswer: () => Promise<void> = async () => undefined;
  beforeCancel: () => Promise<void> = async () => undefined;

  async approve({ id, amount }: Charge): Promise<boolean> {
    this.asked++;
    const isApproved = amount !== 13n && !this.cancelled.has(id);
    if (isApproved) this.taken.set(id, amount);
    await this.beforeAnswer();
    return isApproved;
  }

  async cancel({ id }: Charge): Promise<void> {
    await this.beforeCancel();
    this.cancelled.add(id);
    this.taken.delete(id);
  }

  get total(): bigint {
    return [...this.taken.values()].reduce((sum, amount) => sum + amount, 0n);
  }
}

async function setUp(engine: Engine) {
  const database = await testDatabase(engine, "wallet", [...receiptsMigrations, ...migrations]);
  const write = (statement: Statement) => database.transaction((tx) => tx.run([statement]));
  let lastUser = 0n;
  /** Two replicas, a bank, and a charge that nobody has asked for yet. */
  const newCharge = (amount = 100n) => {
    const bank = new Bank();
    const userId = ++lastUser;
    const [here, other] = [0, 1].map(() => new Charging(ledgerOn(database).ledger, new Charges(database), bank));
    const charge = { id: `charge-${randomUUID()}`, userId, amount, currency: "SAR" };
    return { bank, charge, here: here as Charging, other: other as Charging };
  };
  return {
    engine,
    database,
    newCharge,
    balanceOf: async ({ userId }: Charge) => (await ledgerOn(database).accounts.walletsOf(userId))[0]?.balance ?? 0n,
    stateOf: async ({ id }: Charge) =>
      (await database.select({ sql: "SELECT state FROM charges WHERE id = ?", values: [id] }))[0]?.state,
    /** As if it had been asked for half a minute ago. */
    makeOld: ({ id }: Charge) =>
      write({ sql: "UPDATE charges SET asked_at = asked_at - 30000001 WHERE id = ?", values: [id] }),
    /** As if all of somebody's had been asked for so long ago, in microseconds. */
    setBack: ({ userId }: Charge, by: bigint) =>
      write({ sql: "UPDATE charges SET asked_at = asked_at - ? WHERE user_id = ?", values: [by, userId] }),
  };
}

const recover = (charging: Charging) => charging.recovery.run(new AbortController().signal);

for (const setting of await Promise.all(engines().map(setUp))) {
  const { engine, database, newCharge, balanceOf, stateOf, makeOld, setBack } = setting;

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(
    `a charge that is approved gives points, once, however often it is asked for, on ${engine.name}`,
    async (t) => {
      const { bank, charge, here, other } = newCharge();
      const made = await here.charge(charge);
      t.is(made.creditBalanceAfter, 100n);
      t.deepEqual(await other.charge(charge), made);
      await makeOld(charge);
      await recover(here);
      t.deepEqual([bank.total, await balanceOf(charge), await stateOf(charge)], [100n, 100n, "done"]);
    },
  );

  test.serial(`a charge that is declined stays so, and is not asked for again, on ${engine.name}`, async (t) => {
    const { bank, charge, here, other } = newCharge(13n);
    for (const charging of [here, other]) {
      await t.throwsAsync(charging.charge(charge), { instanceOf: ChargeDeclined });
    }
    t.is(bank.asked, 1);
    t.deepEqual([bank.total, await balanceOf(charge), await stateOf(charge)], [0n, 0n, "declined"]);
  });

  test.serial(`a charge that comes again after a day is another, once, on ${engine.name}`, async (t) => {
    const { bank, charge, here, other } = newCharge();
    const first = await here.charge(charge);
    for (const times of [2n, 3n]) {
      await setBack(charge, dayMicroseconds);
      const made = await Promise.all([here, other, here, other].map((charging) => charging.charge(charge)));
      t.is(new Set(made.map(({ id }) => id)).size, 1);
      t.not(made[0]?.id, first.id);
      await setBack(charge, dayMicroseconds / 2n);
      t.deepEqual(await other.charge(charge), made[0]);
      t.deepEqual([bank.total, await balanceOf(charge)], [times * 100n, times * 100n]);
    }
    await recover(here);
    t.is(await balanceOf(charge), 300n);
  });

  test.serial(`a charge that was declined a day ago is asked for again on ${engine.name}`, async (t) => {
    const { bank, charge, here } = newCharge(13n);
    await t.throwsAsync(here.charge(charge), { instanceOf: ChargeDeclined });
    await setBack(charge, dayMicroseconds - 60_000_000n);
    await t.throwsAsync(here.charge(charge), { instanceOf: ChargeDeclined });
    t.is(bank.asked, 1);
    await setBack(charge, 60_000_000n);
    await t.throwsAsync(here.charge(charge), { instanceOf: ChargeDeclined });
    t.is(bank.asked, 2);
  });

  test.serial(`a charge that is made again after a day is given up like any other on ${engine.name}`, async (t) => {
    const { bank, charge, here, other } = newCharge();
    await here.charge(charge);
    await setBack(charge, dayMicroseconds);
    bank.beforeAnswer = () => Promise.reject(new Error("The process has died"));
    await t.throwsAsync(here.charge(charge), { message: "The process has died" });
    t.is(bank.total, 200n);
    await setBack(charge, 30_000_001n);
    await recover(other);
    t.deepEqual([bank.total, await balanceOf(charge), await stateOf(charge)], [100n, 100n, "done"]);
  });

  test.serial(`the money of a charge whose points are refused is given back at once on ${engine.name}`, async (t) => {
    const { bank, charge, here } = newCharge(mostMinorUnits);
    await here.charge(charge);
    const more = { ...charge, id: `${charge.id}-more`, amount: 1n };
    await t.throwsAsync(here.charge(more), { instanceOf: BalanceLimitExceeded });
    t.deepEqual(
      [bank.total, await balanceOf(charge), await stateOf(more)],
      [mostMinorUnits, mostMinorUnits, "declined"],
    );
  });

  test.serial(`two charges under one key have one of them asked for, and given, on ${engine.name}`, async (t) => {
    const { bank, charge, here, other } = newCharge();
    const second = { ...charge, id: `${charge.id}-second`, amount: 200n };
    const { chargePoints } = PointsService.method;
    const receiptOf = (amount: string) => {
      const call = new Call({ requestId: "test", idempotencyKey: charge.id });
      return new Receipt(chargePoints, create(ChargePointsRequestSchema, { amount }), call, database.dialect);
    };
    bank.beforeAnswer = async () => {
      await t.throwsAsync(other.charge(second, { receipt: receiptOf("2.00") }), { instanceOf: IdempotencyKeyReused });
    };
    await here.charge(charge, { receipt: receiptOf("1.00") });
    t.is(bank.asked, 1);
    t.deepEqual([bank.total, await balanceOf(charge), await stateOf(second)], [100n, 100n, undefined]);
  });

  test.serial(`the money of a charge that nobody went on with is given back on ${engine.name}`, async (t) => {
    const { bank, charge, here, other } = newCharge();
    bank.beforeAnswer = () => Promise.reject(new Error("The process has died"));
    await t.throwsAsync(here.charge(charge), { message: "The process has died" });
    t.deepEqual([bank.total, await stateOf(charge)], [100n, "asked"]);

    await recover(other);
    t.is(bank.total, 100n, "half a minute has not passed");

    await makeOld(charge);
    await recover(other);
    t.deepEqual([bank.total, await balanceOf(charge), await stateOf(charge)], [0n, 0n, "declined"]);
    await t.throwsAsync(here.charge(charge), { instanceOf: ChargeDeclined });
  });

  test.serial(`a charge that comes again before it is given up is gone on with on ${engine.name}`, async (t) => {
    const { bank, charge, here, other } = newCharge();
    bank.beforeAnswer = () => Promise.reject(new Error("The process has died"));
    await t.throwsAsync(here.charge(charge), { message: "The process has died" });
    bank.beforeAnswer = async () => undefined;
    t.is((await other.charge(charge)).creditBalanceAfter, 100n);
    t.deepEqual([bank.total, await balanceOf(charge), await stateOf(charge)], [100n, 100n, "done"]);
  });

  test.serial(`a charge that is approved after it was given up is declined on ${engine.name}`, async (t) => {
    const { bank, charge, here, other } = newCharge();
    bank.beforeAnswer = async () => {
      await makeOld(charge);
      await recover(other);
    };
    await t.throwsAsync(here.charge(charge), { instanceOf: ChargeDeclined });
    t.deepEqual([bank.total, await balanceOf(charge), await stateOf(charge)], [0n, 0n, "declined"]);
  });

  test.serial(
    `a charge that is approved too late for its points gives them when it comes again on ${engine.name}`,
    async (t) => {
      const { bank, charge, here } = newCharge();
      const deadline = Date.now() + 300;
      bank.beforeAnswer = () => sleep(deadline - Date.now() + 1);
      await t.throwsAsync(here.charge(charge, { deadline }), { instanceOf: Unavailable });
      bank.beforeAnswer = async () => undefined;
      await here.charge(charge);
      t.deepEqual([bank.total, await balanceOf(charge), await stateOf(charge)], [100n, 100n, "done"]);
    },
  );

  test.serial(`a charge that the provider fails to give back keeps no other waiting on ${engine.name}`, async (t) => {
    const { bank, charge, here } = newCharge();
    const both = [charge, { ...charge, id: `${charge.id}-second` }];
    bank.beforeAnswer = () => Promise.reject(new Error("The process has died"));
    for (const one of both) {
      await t.throwsAsync(here.charge(one));
      await makeOld(one);
    }
    bank.beforeCancel = async () => {
      bank.beforeCancel = async () => undefined;
      throw new Error("The bank is away");
    };
    await t.throwsAsync(recover(here), { instanceOf: AggregateError });
    t.is(bank.total, 100n);
    await recover(here);
    t.is(bank.total, 0n);
    t.deepEqual(await Promise.all(both.map(stateOf)), ["declined", "declined"]);
  });

  test.serial(
    `${rounds} charges, each raced by who gives it up: points or money back, on ${engine.name}`,
    async (t) => {
      const { bank, charge: first, here, other } = newCharge(1n);
      await here.charge(first);
      const seen = { done: 0, declined: 0 };
      for (let round = 0; round < rounds; round++) {
        const charge = { ...first, id: `${first.id}-${round}` };
        const asked = Promise.withResolvers<void>();
        bank.beforeAnswer = async () => {
          await makeOld(charge);
          asked.resolve();
          await sleep(Math.random() * 10);
        };
        const [points] = await Promise.all([
          here.charge(charge).then(
            (made) => made.amount,
            (error: unknown) => {
              if (error instanceof ChargeDeclined) return 0n;
              throw error;
            },
          ),
          asked.promise.then(() => sleep(Math.random() * 3)).then(() => recover(other)),
        ]);
        t.is(bank.taken.get(charge.id) ?? 0n, points);
        t.is(await stateOf(charge), points > 0n ? "done" : "declined");
        seen[points > 0n ? "done" : "declined"]++;
      }
      t.is(await balanceOf(first), bank.total);
      t.log(seen);
      t.deepEqual((await auditLedger(database)).differences, []);
    },
  );
}
