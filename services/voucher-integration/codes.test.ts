import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import { usualPhoneNumber } from "./testing/asker.ts";
import { flow } from "./testing/flow.ts";

flow("a code that the provider has at once is heard, for the web", async (t, scene) => {
  const { simulator, integration, asker } = await scene.start();
  await asker.want({ requestId: 7 });
  const heard = await asker.hears(1);
  const [voucher] = await simulator.vouchers(usualPhoneNumber);
  t.deepEqual(heard, [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "web" }]);
  const [request] = await integration.requests();
  t.is(request?.state, "received");
  t.is(await integration.metric("provider_answers_total", "code"), 1);
  t.is(await integration.metric("requests_open"), 0);
});

flow("a code that the provider acknowledges first is heard once it calls back", async (t, scene) => {
  const { simulator, integration, asker } = await scene.start();
  await simulator.behave({ delay_ms: 400 });
  await asker.want({ requestId: 7 });
  await eventually(async () => (await integration.requests())[0]?.state === "acknowledged");
  const heard = await asker.hears(1);
  const [voucher] = await simulator.vouchers();
  t.deepEqual(heard, [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "web" }]);
  await eventually(async () => (await simulator.vouchers())[0]?.callback === "accepted");
  t.is(await integration.metric("callbacks_total", "accepted"), 1);
});

flow("a code that comes late leaves by SMS, by our own clock", async (t, scene) => {
  const { simulator, asker } = await scene.start();
  await simulator.behave({ delay_ms: 300 });
  const late = now() - 14_900_000n;
  await asker.want({ requestId: 7, requestedAt: late });
  t.like((await asker.hears(1))[0], { channel: "sms" });
  await simulator.behave({});
  await asker.want({ requestId: 8, requestedAt: late });
  t.like((await asker.hears(2))[1], { requestId: 8, channel: "sms" });
});

flow("no code is anywhere in the database but sealed", async (t, scene) => {
  const { simulator, integration, asker } = await scene.start();
  await asker.want({ requestId: 1 });
  await asker.hears(1);
  await simulator.behave({ delay_ms: 300 });
  await asker.want({ requestId: 2 });
  await asker.hears(2);
  const codes = (await simulator.vouchers()).map(({ voucher_code }) => voucher_code);
  t.is(codes.length, 2);
  const rows = (await integration.everything()).flat().flatMap((row) => Object.values(row));
  for (const value of rows) {
    const bytes = typeof value === "bigint" || value === null ? Buffer.from("") : Buffer.from(value);
    for (const code of codes) t.false(bytes.includes(code));
  }
});

flow("a request that comes again, however often, is asked for once and heard of once", async (t, scene) => {
  const { simulator, asker, integration } = await scene.start();
  await asker.want({ requestId: 7 });
  await asker.hears(1);
  await asker.sendAgain();
  // As after the dedupe window, when it comes as a new event.
  await asker.want({ requestId: 7 });
  await asker.want({ requestId: 8 });
  t.deepEqual(
    (await asker.hears(2)).map(({ requestId }) => requestId),
    [7, 8],
  );
  t.is((await simulator.vouchers()).length, 2);
  t.is(await integration.metric("provider_answers_total", "code"), 2);
});

flow("a request whose time is up before the provider is asked is not asked for", async (t, scene) => {
  const { simulator, asker } = await scene.start();
  await asker.want({ requestId: 7, requestedAt: now() - 30_000_000n });
  t.deepEqual(await asker.hears(1), [{ requestId: 7, failure: "timed_out" }]);
  t.is((await simulator.vouchers()).length, 0);
});

flow("hundreds of requests at once are each answered once, fast or later", async (t, scene) => {
  const { simulator, asker } = await scene.start();
  await simulator.behave({ delay_ms: 0, delay_spread_ms: 600, duplicate_callbacks: 1 });
  const wishes = Array.from({ length: 600 }, (_, index) => ({
    requestId: index + 1,
    phoneNumber: `+8490912${String(index % 50).padStart(4, "0")}`,
  }));
  await asker.want(...wishes);
  const heard = await asker.hears(600);
  const vouchers = await simulator.vouchers();
  t.is(vouchers.length, 600);
  t.is(new Set(heard.map(({ requestId }) => requestId)).size, 600);
  t.deepEqual(heard.map(({ code }) => code).toSorted(), vouchers.map(({ voucher_code }) => voucher_code).toSorted());
  const phoneOf = new Map(wishes.map(({ requestId, phoneNumber }) => [requestId, phoneNumber]));
  const byCode = new Map(vouchers.map((one) => [one.voucher_code, one.phone_number]));
  for (const { requestId, code = "" } of heard) t.is(byCode.get(code), phoneOf.get(requestId));
});

flow("what was settled more than a week ago is forgotten, and nothing else", async (t, scene) => {
  const simulator = await scene.simulator();
  const [integration, next] = [await scene.integration(simulator.url), await scene.integration(simulator.url)];
  const asker = await scene.asker();
  await integration.begin();
  asker.begin();
  await asker.want(...[1, 2, 3].map((requestId) => ({ requestId })));
  await asker.hears(3);
  await simulator.behave({ delay_ms: 60_000 });
  await asker.want({ requestId: 4 });
  await eventually(async () => (await integration.requests())[3]?.state === "acknowledged");
  const day = 86_400_000_000n;
  await integration.change("UPDATE requests SET settled_at = ? WHERE id = 1", now() - 7n * day - 1n);
  await integration.change("UPDATE requests SET settled_at = ? WHERE id = 2", now() - 6n * day);
  await integration.stop();
  await next.begin();
  await eventually(async () => (await next.requests()).length === 3);
  t.deepEqual(
    (await next.requests()).map(({ id }) => id),
    [2n, 3n, 4n],
  );
});
