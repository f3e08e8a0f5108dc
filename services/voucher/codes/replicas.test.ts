import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { VoucherChannel } from "../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { engines, natsServer } from "../../platform/testing/engines.ts";
import { natsTestTransport } from "../../platform/testing/event-mesh.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { newNumber, RunningVouchers } from "./testing/running-vouchers.ts";

const engine = engines().find(({ name }) => name === "MySQL");
const url = natsServer();

if (!engine || !url) {
  test("DATABASE_URL and NATS_URL name no servers to run replicas on", (t) => t.pass());
} else {
  const environment = { VOUCHER_LATE_AFTER_MS: "2000", VOUCHER_GIVE_UP_AFTER_MS: "60000", DATABASE_CONNECTIONS: "3" };
  const testTransport = natsTestTransport(url);
  const [taking, watching] = await Promise.all([
    RunningVouchers.start(engine, { environment, transport: testTransport.open() }),
    RunningVouchers.start(engine, { environment, transport: testTransport.open(), consumes: false }),
  ]);
  const { integration } = taking;
  const watchers = async () => {
    const metric = await watching.metrics.registry.getSingleMetric("giftmesh_voucher_watchers")?.get();
    return metric?.values[0]?.value;
  };

  test.after.always(async () => {
    await Promise.all([taking.stop(), watching.stop()]);
    await testTransport.remove();
    await engine.remove();
  });

  test.serial("who watches at a replica is told of what another has taken, within milliseconds", async (t) => {
    const tookMs: number[] = [];
    for (let time = 0; time < 20; time++) {
      const asked = await watching.ask();
      const looking = watching.look(asked, 30).then((seen) => ({ seen, at: performance.now() }));
      await eventually(async () => (await watchers()) === 1);
      await integration.deliver({ requestId: asked.requestId, code: `CODE-${time}` });
      await taking.isIn(asked, "web");
      const committedBy = performance.now();
      const { seen, at } = await looking;
      t.is(seen.voucherCode, `CODE-${time}`);
      tookMs.push(at - committedBy);
    }
    const slowest = Math.max(...tookMs);
    t.true(slowest < 500, `${slowest} ms: the look that comes every second is for what got lost`);
  });

  test.serial(
    "streams at either replica end with the code, and the request is asked of the provider once",
    async (t) => {
      const phone = newNumber();
      const asked = await watching.ask(phone);
      const streams = [taking.watch(asked), watching.watch(asked)];
      await eventually(async () => (await watchers()) === 1);
      await integration.deliver({ requestId: asked.requestId, code: "BOTH" });
      for (const stream of streams) t.is((await stream).at(-1)?.voucherCode, "BOTH");
      t.is(integration.requested.filter(({ phoneNumber }) => phoneNumber === phone).length, 1);
    },
  );

  test.serial("whichever replica sends it, an SMS is sent once", async (t) => {
    const asked = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const phone = newNumber();
        return { phone, ...(await watching.ask(phone)) };
      }),
    );
    const channel = VoucherChannel.SMS;
    await integration.deliver(...asked.map(({ requestId, phone }) => ({ requestId, code: `FOR ${phone}`, channel })));
    for (const { phone } of asked) t.is((await taking.toldTo(phone)).length, 1);
    t.deepEqual(await taking.select("SELECT id FROM voucher_requests WHERE send_at IS NOT NULL"), []);
    for (const { phone } of asked) {
      const messages = await taking.messagesTo(phone);
      t.is(messages.length, 1);
      t.true(messages[0]?.endsWith(`FOR ${phone}`));
    }
  });

  test.serial("200 times, of two replicas one shows a code and the other sends it, and it goes one way", async (t) => {
    const undo = slowDown(watching);
    const asked = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const phone = newNumber();
        return { phone, ...(await watching.ask(phone)) };
      }),
    );
    await integration.deliver(...asked.map(({ requestId }) => ({ requestId, code: `CODE ${requestId}` })));
    const notThere = "SELECT id FROM voucher_requests WHERE state = 'processing'";
    await eventually(async () => (await taking.select(notThere)).length === 0);
    const lateAt = Date.now() + 500;
    const line = [BigInt(lateAt) * 1_000n, BigInt(lateAt) * 1_000n, asked[0]?.requestId ?? 0n];
    await taking.change("UPDATE voucher_requests SET late_at = ?, due_at = ? WHERE id >= ? AND state = 'web'", ...line);
    const seen = await Promise.all(
      asked.map(async (one, index) => {
        // One replica has decided before the line, and writes after it.
        const isSlow = index % 2 === 0;
        await sleep(lateAt - Date.now() + (isSlow ? -30 : index - 100));
        return (isSlow ? watching : taking).look(one);
      }),
    );
    const underWay = "SELECT id FROM voucher_requests WHERE shown_at IS NULL AND sent_at IS NULL";
    await eventually(async () => (await taking.select(underWay)).length === 0);
    undo();
    for (const [index, one] of asked.entries()) {
      const wasShown = seen[index]?.voucherCode !== undefined;
      const messages = await taking.messagesTo(one.phone);
      t.is(messages.length, wasShown ? 0 : 1, `${index} was ${wasShown ? "" : "not "}shown`);
      t.is((await taking.look(one)).voucherCode !== undefined, wasShown, `${index}`);
    }
    const shown = seen.filter(({ voucherCode }) => voucherCode !== undefined).length;
    t.log(`${shown} of 200 were shown`);
    t.true(shown > 0 && shown < 200, "some went each way");
  });
}

/** Has a replica take a while between what it has read of requests and what it writes. */
function slowDown(replica: RunningVouchers): () => void {
  const database = replica.databaseOf("voucher");
  const { batch } = database;
  database.batch = (load, decide) =>
    batch(load, async (rows, session) => {
      const decision = await decide(rows, session);
      await sleep(300);
      return decision;
    });
  return () => {
    database.batch = batch;
  };
}
