import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { CodeFailure, VoucherChannel } from "../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import { type RequestedCode, VoucherStatus } from "../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { recordedLog } from "../../platform/rpc/testing/log.ts";
import { engines } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { now } from "../../platform/time.ts";
import { newNumber, RunningVouchers } from "./testing/running-vouchers.ts";

const inTime = "Thank you for using our services, your voucher code is ready:";
const tooLate = "Thank you for your patience, your voucher code is ready:";

/** Longer than a busy machine takes to show a code. */
const lateAfterMs = 4_000;
const giveUpAfterMs = 8_000;
const environment = {
  VOUCHER_LATE_AFTER_MS: String(lateAfterMs),
  VOUCHER_GIVE_UP_AFTER_MS: String(giveUpAfterMs),
};
const { log, lines } = recordedLog();
const found = engines();
const all = await Promise.all(
  found.map(async (engine) => ({ engine, running: await RunningVouchers.start(engine, { environment, log }) })),
);

let codes = 0;
const newCode = () => `CODE-${++codes}-QXZ`;

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const { integration } = running;

  test.after.always(`stop on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test(`a code in time is shown to whoever looks, as often as they look, and not sent ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    const receivedAt = now();
    await integration.deliver({ requestId: asked.requestId, code, receivedAt });
    await running.isIn(asked, "web");
    const shown = await running.look(asked);
    t.like(shown, { status: VoucherStatus.DELIVERED, channel: VoucherChannel.WEB, voucherCode: code });
    t.is(BigInt(shown.receivedAt?.seconds ?? 0) * 1_000_000n, receivedAt - (receivedAt % 1_000_000n));
    await sleep(lateAfterMs + 300);
    t.deepEqual(await running.look(asked), shown);
    t.deepEqual(await running.messagesTo(phone), []);
  });

  test(`a code in time that nobody has fetched when it is late leaves by SMS, and is not shown ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    await integration.deliver({ requestId: asked.requestId, code });
    await running.isIn(asked, "web");
    t.deepEqual(await running.messagesTo(phone), [], "not before");
    t.deepEqual(await running.toldTo(phone), [`${inTime} ${code}`]);
    const seen = await running.look(asked);
    t.like(seen, { status: VoucherStatus.DELIVERED, channel: VoucherChannel.SMS });
    t.is(seen.voucherCode, undefined);
    t.true(now() - BigInt(seen.requestedAt?.seconds ?? 0) * 1_000_000n >= BigInt(lateAfterMs) * 1_000n);
  });

  test(`a late code leaves by SMS, and whoever watches hears so ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    const watching = running.watch(asked);
    await sleep(lateAfterMs + 100);
    await integration.deliver({ requestId: asked.requestId, code, channel: VoucherChannel.SMS });
    const [first, last, ...others] = await watching;
    t.deepEqual(others, []);
    t.like(first, { status: VoucherStatus.PROCESSING });
    t.like(last, { status: VoucherStatus.DELIVERED, channel: VoucherChannel.SMS });
    t.is(last?.voucherCode, undefined);
    t.deepEqual(await running.toldTo(phone), [`${tooLate} ${code}`]);
  });

  test.serial(`an SMS leaves as soon as it is known that it must ${on}`, async (t) => {
    const tookMs: number[] = [];
    for (let time = 0; time < 7; time++) {
      const phone = newNumber();
      const { requestId } = await running.ask(phone);
      const startedAt = performance.now();
      await integration.deliver({ requestId, code: newCode(), channel: VoucherChannel.SMS });
      await running.toldTo(phone);
      tookMs.push(performance.now() - startedAt);
    }
    // Were it only looked for every half second, each but the first would wait that long: it comes right after a look.
    const [, ...afterAnother] = tookMs;
    t.true(Math.min(...afterAnother) < 200, `${tookMs} ms`);
  });

  test(`a code that the provider had in time and the web gets late leaves by SMS ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    const receivedAt = now();
    const looking = running.look(asked, 30);
    await sleep(lateAfterMs + 100);
    await integration.deliver({ requestId: asked.requestId, code, receivedAt });
    t.like(await looking, { status: VoucherStatus.DELIVERED, channel: VoucherChannel.SMS });
    t.deepEqual(await running.toldTo(phone), [`${inTime} ${code}`]);
  });

  test(`where the provider refuses, the request has failed, and who watches hears so at once ${on}`, async (t) => {
    const asked = await running.ask();
    const said: RequestedCode[] = [];
    const [looking, watching] = [running.look(asked, 30), running.watch(asked, {}, said)];
    await eventually(async () => said.length === 1);
    await integration.refuse(asked.requestId);
    t.like(await looking, { status: VoucherStatus.FAILED });
    t.deepEqual(
      (await watching).map(({ status }) => status),
      [VoucherStatus.PROCESSING, VoucherStatus.FAILED],
    );
    t.deepEqual(await running.select("SELECT failure FROM voucher_requests WHERE id = ?", asked.requestId), [
      { failure: "refused" },
    ]);
  });

  test(`a request of which nothing is heard fails by itself when its time is up, and not before ${on}`, async (t) => {
    const phone = newNumber();
    const startedAt = performance.now();
    const asked = await running.ask(phone);
    t.like(await running.look(asked, 30), { status: VoucherStatus.FAILED });
    t.true(performance.now() - startedAt > giveUpAfterMs - 10);
    t.deepEqual(await running.messagesTo(phone), []);
  });

  test(`a code that comes after all leaves by SMS, and is not lost ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    await integration.refuse(asked.requestId, CodeFailure.TIMED_OUT);
    await running.isIn(asked, "failed");
    await integration.deliver({ requestId: asked.requestId, code });
    t.deepEqual(await running.toldTo(phone), [`${inTime} ${code}`]);
    t.like(await running.look(asked), { status: VoucherStatus.DELIVERED, channel: VoucherChannel.SMS });
  });

  test(`a second event of a request that has a code changes nothing ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    const looking = running.look(asked, 30);
    await integration.deliver(
      { requestId: asked.requestId, code },
      { requestId: asked.requestId, code: newCode() },
      { requestId: asked.requestId, code: newCode(), channel: VoucherChannel.SMS },
    );
    await integration.refuse(asked.requestId);
    t.like(await looking, { voucherCode: code });
    const other = await running.ask();
    await integration.deliver({ requestId: other.requestId, code: newCode() });
    await running.isIn(other, "web");
    t.like(await running.look(asked), { status: VoucherStatus.DELIVERED, voucherCode: code });
    t.deepEqual(await running.messagesTo(phone), []);
  });

  test(`while notification is away a code waits, and is sent once when it is back ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    running.breakRpc("SendNotification", true);
    await integration.deliver({ requestId: asked.requestId, code, channel: VoucherChannel.SMS });
    const attempts = "SELECT id FROM voucher_requests WHERE id = ? AND attempts > 0 AND send_at IS NOT NULL";
    await eventually(async () => (await running.select(attempts, asked.requestId)).length === 1);
    running.breakRpc("SendNotification", false);
    t.is((await running.toldTo(phone)).length, 1);
    const sent = "SELECT id FROM voucher_requests WHERE id = ? AND sent_at IS NOT NULL AND send_at IS NULL";
    await eventually(async () => (await running.select(sent, asked.requestId)).length === 1);
    t.is((await running.messagesTo(phone)).length, 1);
  });

  test(`an SMS that left though nobody heard so is not sent again ${on}`, async (t) => {
    const [phone, code] = [newNumber(), newCode()];
    const asked = await running.ask(phone);
    await integration.deliver({ requestId: asked.requestId, code, channel: VoucherChannel.SMS });
    await running.toldTo(phone);
    const sent = "SELECT id FROM voucher_requests WHERE id = ? AND sent_at IS NOT NULL";
    await eventually(async () => (await running.select(sent, asked.requestId)).length === 1);
    await running.change(
      "UPDATE voucher_requests SET sent_at = NULL, send_at = 1, attempts = 1 WHERE id = ?",
      asked.requestId,
    );
    await eventually(async () => (await running.select(sent, asked.requestId)).length === 1);
    t.is((await running.messagesTo(phone)).length, 1);
  });

  test(`what cannot be a code of the request is a dead letter, and holds up no other ${on}`, async (t) => {
    const [asked, other] = [await running.ask(), await running.ask()];
    const code = newCode();
    const moved = integration.sealedFor(other.requestId, newCode());
    await integration.tell([
      { requestId: asked.requestId, outcome: { case: "code", value: moved } },
      { requestId: 999_999_999n, outcome: { case: "failure", value: CodeFailure.REFUSED } },
      { requestId: asked.requestId },
    ]);
    const looking = running.look(other, 30);
    await integration.deliver({ requestId: other.requestId, code });
    t.like(await looking, { voucherCode: code });
    t.is(await running.stateOf(asked), "processing");
    const failed = "SELECT event_id FROM failed_events";
    await eventually(async () => (await running.select(failed)).length === 3);
  });

  test(`what failed long ago is forgotten, and nothing else ${on}`, async (t) => {
    const [old, young, shown] = [await running.ask(), await running.ask(), await running.ask()];
    for (const { requestId } of [old, young]) await integration.refuse(requestId);
    await integration.deliver({ requestId: shown.requestId, code: newCode() });
    await running.isIn(young, "failed");
    await running.isIn(old, "failed");
    await running.look(shown, 5);
    const monthAgo = now() - 30n * 86_400_000_000n;
    await running.change("UPDATE voucher_requests SET due_at = 1 WHERE id = ?", old.requestId);
    await eventually(async () => (await running.stateOf(old)) === "undefined");
    t.deepEqual([await running.stateOf(young), await running.stateOf(shown)], ["failed", "web"]);
    const [row] = await running.select("SELECT due_at FROM voucher_requests WHERE id = ?", young.requestId);
    t.true((row?.due_at as bigint) > monthAgo + 59n * 86_400_000_000n);
  });
}

test.after("no code is in any row, event, log line or metric", async (t) => {
  const isCode = /CODE-[0-9]+-QXZ/;
  for (const { running, engine } of all) {
    for (const [service, tables] of Object.entries(tablesByService)) {
      for (const table of tables) {
        const rows = await running.databaseOf(service).select({ sql: `SELECT * FROM ${table}`, values: [] });
        for (const value of rows.flatMap((row) => Object.values(row))) {
          const text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
          t.false(isCode.test(text), `${engine.name} ${service} ${table}`);
        }
      }
    }
    t.false(isCode.test(await running.metrics.registry.metrics()));
  }
  t.false(isCode.test(JSON.stringify(lines)));
  t.true(lines.length > 0 && codes > 10);
});

const tablesByService = {
  voucher: ["voucher_requests", "code_keys", "outbox", "inbox", "failed_events", "receipts"],
  "voucher-integration": ["outbox", "inbox", "failed_events"],
};
