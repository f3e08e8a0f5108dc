import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { VoucherStatus } from "../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { failureOfCall, visible } from "../../platform/rpc/testing/failure.ts";
import { engines } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { newNumber, RunningVouchers } from "./testing/running-vouchers.ts";

const environment = { VOUCHER_LATE_AFTER_MS: "4000", VOUCHER_GIVE_UP_AFTER_MS: "60000" };
const found = engines();
const all = await Promise.all(
  found.map(async (engine) => ({ engine, running: await RunningVouchers.start(engine, { environment }) })),
);

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const { integration } = running;
  const watchers = async () => {
    const metric = await running.metrics.registry.getSingleMetric("giftmesh_voucher_watchers")?.get();
    return metric?.values[0]?.value;
  };

  test.after.always(`stop on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test.serial(`who does not wait is answered at once, who waits when there is news ${on}`, async (t) => {
    const asked = await running.ask();
    t.is((await running.look(asked)).status, VoucherStatus.PROCESSING);
    const looking = running.look(asked, 30);
    await sleep(300);
    await integration.deliver({ requestId: asked.requestId, code: "A" });
    t.is((await looking).voucherCode, "A");
    t.is((await running.look(asked, 30)).voucherCode, "A", "and at once where the news is old");
  });

  test.serial(`who waits longer than there is news to wait for is told that it is being processed ${on}`, async (t) => {
    const asked = await running.ask();
    const startedAt = performance.now();
    t.is((await running.look(asked, 1)).status, VoucherStatus.PROCESSING);
    const tookMs = performance.now() - startedAt;
    t.true(tookMs >= 990 && tookMs < 2_000, `${tookMs} ms`);
    const hasty = performance.now();
    t.is((await running.look(asked, 30, { deadline: Date.now() + 1_500 })).status, VoucherStatus.PROCESSING);
    t.true(performance.now() - hasty < 1_500, "and within the time that the caller has");
  });

  test.serial(`a stream says how it stands at once, then how it ends, and ends ${on}`, async (t) => {
    const asked = await running.ask();
    const watching = running.watch(asked);
    await eventually(async () => (await watchers()) === 1);
    await integration.deliver({ requestId: asked.requestId, code: "B" });
    t.deepEqual(
      (await watching).map(({ status, voucherCode }) => [status, voucherCode]),
      [
        [VoucherStatus.PROCESSING, undefined],
        [VoucherStatus.DELIVERED, "B"],
      ],
    );
    t.deepEqual(
      (await running.watch(asked)).map(({ voucherCode }) => voucherCode),
      ["B"],
      "and only that where it has ended already",
    );
    t.is(await watchers(), 0);
  });

  test.serial(`all who watch a request are told, and all are shown the code ${on}`, async (t) => {
    const phone = newNumber();
    const asked = await running.ask(phone);
    const streams = Array.from({ length: 20 }, () => running.watch(asked));
    const waits = Array.from({ length: 20 }, () => running.look(asked, 30));
    await eventually(async () => (await watchers()) === 40);
    await integration.deliver({ requestId: asked.requestId, code: "C" });
    for (const stream of streams) t.is((await stream).at(-1)?.voucherCode, "C");
    for (const wait of waits) t.is((await wait).voucherCode, "C");
  });

  test.serial(`news are there within milliseconds of the commit ${on}`, async (t) => {
    const database = running.databaseOf("voucher");
    const { batch } = database;
    let committedAt = 0;
    database.batch = async (load, decide) => {
      const result = await batch(load, decide);
      committedAt = performance.now();
      return result;
    };
    const tookMs: number[] = [];
    for (let time = 0; time < 20; time++) {
      const asked = await running.ask();
      const looking = running.look(asked, 30).then(() => performance.now());
      await eventually(async () => (await watchers()) === 1);
      await integration.deliver({ requestId: asked.requestId, code: "D" });
      tookMs.push((await looking) - committedAt);
    }
    database.batch = batch;
    const median = tookMs.toSorted((a, b) => a - b)[10] ?? 0;
    t.true(median < 30, `${median} ms`);
  });

  test.serial(`a code is not shown to who has gone away: it leaves by SMS ${on}`, async (t) => {
    const [phone, other] = [newNumber(), newNumber()];
    const [asked, streamed] = [await running.ask(phone), await running.ask(other)];
    const gone = new AbortController();
    const looking = running.look(asked, 30, { cancelled: gone.signal });
    const watching = running.watch(streamed, { cancelled: gone.signal });
    await eventually(async () => (await watchers()) === 2);
    gone.abort();
    t.is((await looking).status, VoucherStatus.PROCESSING);
    await watching;
    t.is(await watchers(), 0);
    for (const { requestId } of [asked, streamed]) await integration.deliver({ requestId, code: "E" });
    await running.isIn(asked, "web");
    t.is((await running.look(asked, 0, { cancelled: gone.signal })).status, VoucherStatus.PROCESSING);
    for (const number of [phone, other]) t.is((await running.toldTo(number)).length, 1);
    t.is((await running.look(asked)).voucherCode, undefined);
  });

  test.serial(`a code is not shown to who has gone by when that is decided: it leaves by SMS ${on}`, async (t) => {
    const numbers = [newNumber(), newNumber(), newNumber()] as const;
    const [left, late, streamed] = await Promise.all([
      running.ask(numbers[0]),
      running.ask(numbers[1]),
      running.ask(numbers[2]),
    ]);
    for (const { requestId } of [left, late, streamed]) {
      await integration.deliver({ requestId, code: "G" });
      await running.isIn({ requestId }, "web");
    }
    const database = running.databaseOf("voucher");
    const { batch } = database;
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    database.batch = async (load, decide) => {
      begun.resolve();
      await held.promise;
      return batch(load, decide);
    };
    const gone = new AbortController();
    const looking = running.look(left, 0, { cancelled: gone.signal });
    const watching = running.watch(streamed, { cancelled: gone.signal });
    const hurrying = running.look(late, 0, { deadline: Date.now() + 300 });
    await begun.promise;
    gone.abort();
    t.like(visible(await failureOfCall(hurrying)), { kind: "unavailable" });
    database.batch = batch;
    held.resolve();
    t.is((await looking).status, VoucherStatus.PROCESSING);
    t.is((await watching).at(-1)?.voucherCode, undefined);
    for (const number of numbers) t.is((await running.toldTo(number)).length, 1);
  });

  test.serial(`a stream that its reader leaves is watched no more ${on}`, async (t) => {
    const asked = await running.ask();
    const gone = new AbortController();
    const watching = running.watch(asked, { cancelled: gone.signal });
    await eventually(async () => (await watchers()) === 1);
    gone.abort();
    await watching;
    t.is(await watchers(), 0);
  });
}

for (const { name } of found) {
  test(`where every signal gets lost, the news come a second later on ${name}`, async (t) => {
    const engine = engines().find((one) => one.name === name);
    if (!engine) throw new Error(`${name} is gone`);
    const transport = new InProcessTransport();
    transport.signal = () => undefined;
    const running = await RunningVouchers.start(engine, { transport });
    const [one, other] = [await running.ask(), await running.ask()];
    const [looking, watching] = [running.look(one, 30), running.watch(other)];
    await sleep(200);
    const startedAt = performance.now();
    for (const { requestId } of [one, other]) await running.integration.deliver({ requestId, code: "F" });
    t.is((await looking).voucherCode, "F");
    t.is((await watching).at(-1)?.voucherCode, "F");
    t.true(performance.now() - startedAt < 3_000);
    await running.stop();
    await engine.remove();
  });
}
