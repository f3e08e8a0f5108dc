import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { engines } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { newNumber, RunningVouchers } from "./testing/running-vouchers.ts";

const found = engines();
const environment = { VOUCHER_LATE_AFTER_MS: "6000", VOUCHER_GIVE_UP_AFTER_MS: "120000" };
const all = await Promise.all(
  found.map(async (engine) => ({ engine, running: await RunningVouchers.start(engine, { environment }) })),
);

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const { integration } = running;

  const askFor = async (count: number) =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const phone = newNumber();
        return { phone, ...(await running.ask(phone)) };
      }),
    );
  /** Every SMS that left, by phone. */
  const sms = async () => {
    const rows = await running.databaseOf("notification").select({ sql: "SELECT * FROM messages", values: [] });
    return Map.groupBy(rows, ({ recipient }) => String(recipient));
  };

  test.after.always(`stop on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test.serial(
    `200 times somebody looks just when the code becomes one for the SMS, and it goes one way ${on}`,
    async (t) => {
      const asked = await askFor(200);
      await integration.deliver(...asked.map(({ requestId }) => ({ requestId, code: `CODE-${requestId}` })));
      const stored = "SELECT id FROM voucher_requests WHERE state = 'web'";
      await eventually(async () => (await running.select(stored)).length === 200);
      // The late line is where the looks are: each request's within some milliseconds of its own look; but for the first,
      // which is before it however busy the machine is, and the last, which is after it.
      const [{ late_at: lateAt } = { late_at: 0n }] = await running.select(
        "SELECT MIN(late_at) AS late_at FROM voucher_requests",
      );
      const line = Number((lateAt as bigint) / 1_000n);
      const seen = await Promise.all(
        asked.map(async (one, index) => {
          if (index > 0) await sleep(line - Date.now() - 100 + (index === asked.length - 1 ? 1_000 : index));
          return running.look(one);
        }),
      );
      await eventually(
        async () =>
          (await running.select("SELECT id FROM voucher_requests WHERE shown_at IS NULL AND sent_at IS NULL"))
            .length === 0,
      );
      const told = await sms();
      let shown = 0;
      for (const [index, one] of asked.entries()) {
        const wasShown = seen[index]?.voucherCode !== undefined;
        if (wasShown) shown++;
        t.is(told.get(one.phone)?.length ?? 0, wasShown ? 0 : 1, `${index}`);
        const later = await running.look(one);
        t.is(later.voucherCode, wasShown ? `CODE-${one.requestId}` : undefined, `${index}`);
      }
      t.log(`${shown} of 200 were shown`);
      t.true(shown > 0 && shown < 200, "some went each way");
    },
  );

  test.serial(`events that come again and again change nothing ${on}`, async (t) => {
    const asked = await askFor(100);
    const waiting = asked.map((one) => running.look(one, 30));
    await integration.deliver(...asked.map(({ requestId }) => ({ requestId, code: `CODE-${requestId}` })));
    const seen = await Promise.all(waiting);
    const rows = "SELECT * FROM voucher_requests WHERE state = 'web' AND shown_at IS NOT NULL ORDER BY id";
    const before = await running.select(rows);
    const resend = { sql: "UPDATE outbox SET sent_at = 0", values: [] };
    const unsent = { sql: "SELECT id FROM outbox WHERE sent_at = 0", values: [] };
    for (const service of ["voucher-integration", "voucher"]) {
      for (let time = 0; time < 3; time++) {
        await running.databaseOf(service).commit([resend]);
        await eventually(async () => (await running.databaseOf(service).select(unsent)).length === 0);
      }
    }
    t.deepEqual(await running.select(rows), before);
    t.deepEqual(await Promise.all(asked.map((one) => running.look(one))), seen);
    const ids = new Set(asked.map(({ requestId }) => requestId));
    t.is(integration.requested.filter(({ requestId }) => ids.has(requestId)).length, 100);
  });

  test.serial(`events that come before their inbox is written twice at once are taken once ${on}`, async (t) => {
    const [asked] = await askFor(1);
    if (!asked) throw new Error("Nobody asked");
    const looking = running.look(asked, 30);
    await Promise.all(
      Array.from({ length: 20 }, (_, time) =>
        integration.deliver({ requestId: asked.requestId, code: `CODE-${time}` }),
      ),
    );
    const { voucherCode } = await looking;
    await sleep(500);
    t.is((await running.look(asked)).voucherCode, voucherCode);
  });

  test.serial(
    `2,000 ask and wait at once, each gets its own code, and nothing of them stays in memory ${on}`,
    async (t) => {
      const heaps: number[] = [];
      for (let round = 0; round < 3; round++) {
        const startedAt = performance.now();
        const asked = await askFor(2_000);
        const askedMs = performance.now() - startedAt;
        // So that all are waited for in time.
        await running.change("UPDATE voucher_requests SET late_at = late_at + 60000000, due_at = NULL");
        const waiting = asked.map(async (one, index) =>
          index % 2 ? running.look(one, 30) : (await running.watch(one)).at(-1),
        );
        await eventually(async () => (await watchersOf(running)) === 2_000);
        const deliveredAt = performance.now();
        for (let start = 0; start < asked.length; start += 100) {
          const some = asked.slice(start, start + 100);
          await integration.deliver(...some.map(({ requestId }) => ({ requestId, code: `CODE-${requestId}` })));
        }
        const seen = await Promise.all(waiting);
        const toldMs = performance.now() - deliveredAt;
        t.deepEqual(
          seen.map((one) => one?.voucherCode),
          asked.map(({ requestId }) => `CODE-${requestId}`),
        );
        const told = await sms();
        t.true(asked.every(({ phone }) => !told.has(phone)));
        const ids = new Set(asked.map(({ requestId }) => requestId));
        await eventually(
          async () => integration.requested.filter(({ requestId }) => ids.has(requestId)).length === 2_000,
        );
        integration.requested.length = 0;
        t.is(await watchersOf(running), 0);
        heaps.push(await heapUsed());
        t.log(
          `2,000 asked in ${Math.round(askedMs)} ms, told in ${Math.round(toldMs)} ms, ${megabytes(heaps.at(-1))} MB`,
        );
      }
      t.true(megabytes((heaps.at(-1) ?? 0) - (heaps[0] ?? 0)) < 5, heaps.map(megabytes).join(", "));
    },
  );
}

function megabytes(bytes = 0): number {
  return Math.round(bytes / 2 ** 20);
}

async function watchersOf(running: RunningVouchers): Promise<number | undefined> {
  const metric = await running.metrics.registry.getSingleMetric("giftmesh_voucher_watchers")?.get();
  return metric?.values[0]?.value;
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** What is in use once all that can be is thrown away, in bytes. */
async function heapUsed(): Promise<number> {
  await sleep(100);
  collect();
  return process.memoryUsage().heapUsed;
}
