import { eventually } from "../platform/testing/eventually.ts";
import type { Misbehaviour } from "../provider-simulator/domain/behaviour.ts";
import { flow } from "./testing/flow.ts";

/** Time enough for a callback that is not taken; the request itself is late, and asked for again, soon after. */
const soonLate = { VOUCHER_LATE_AFTER_MS: "2500" };

const withoutEffect: readonly Misbehaviour[] = ["wrong_verifier", "malformed_callback"];

for (const misbehaviour of withoutEffect) {
  flow(
    `a provider that calls back by "${misbehaviour}" is refused, and the code comes by asking again`,
    async (t, scene) => {
      const { simulator, integration, asker } = await scene.start();
      await simulator.behave({ delay_ms: 300, misbehaviour });
      await asker.want({ requestId: 7 });
      await eventually(async () => (await simulator.vouchers())[0]?.callback === "refused");
      t.like((await integration.requests())[0], { state: "acknowledged" });
      const heard = await asker.hears(1);
      const [voucher, ...others] = await simulator.vouchers();
      t.deepEqual(heard, [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "sms" }]);
      t.is(others.length, 0);
      t.is(await integration.metric("callbacks_total", "accepted"), 0);
    },
    { environment: soonLate },
  );
}

flow(
  "a provider that never calls back is asked again, and has the code",
  async (t, scene) => {
    const { simulator, integration, asker } = await scene.start();
    await simulator.behave({ delay_ms: 300, misbehaviour: "no_callback" });
    await asker.want({ requestId: 7 });
    const heard = await asker.hears(1);
    const [voucher, ...others] = await simulator.vouchers();
    t.deepEqual(heard, [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "sms" }]);
    t.is(others.length, 0);
    t.is(await integration.metric("provider_answers_total", "acknowledged"), 1);
  },
  { environment: soonLate },
);

const badAcknowledgements: readonly Misbehaviour[] = ["wrong_method", "plain", "wrong_challenge"];

for (const misbehaviour of badAcknowledgements) {
  flow(
    `an acknowledgement with "${misbehaviour}" is none: its callback is refused, and the code comes by asking again`,
    async (t, scene) => {
      const { simulator, integration, asker } = await scene.start();
      await simulator.behave({ delay_ms: 600, misbehaviour });
      await asker.want({ requestId: 7 });
      await eventually(async () => (await simulator.vouchers())[0]?.callback === "refused");
      const [voucher, ...others] = await simulator.vouchers();
      t.deepEqual(await asker.hears(1), [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "web" }]);
      t.is(others.length, 0);
      t.is((await integration.requests())[0]?.challenge, null);
      t.true((await integration.metric("provider_answers_total", "failed")) > 0);
    },
  );
}

flow("a callback that overtakes its acknowledgement is taken", async (t, scene) => {
  const { simulator, asker, integration } = await scene.start();
  await simulator.behave({ delay_ms: 2_000, misbehaviour: "early_callback" });
  await asker.want({ requestId: 7 }, { requestId: 8 });
  const heard = await asker.hears(2);
  t.true(heard.every(({ channel }) => channel === "web"));
  await eventually(async () => (await simulator.vouchers()).every(({ callback }) => callback === "accepted"));
  t.is(await integration.metric("callbacks_total", "refused"), 0);
});

flow("of two codes for one request the first is the one", async (t, scene) => {
  const { simulator, integration, asker } = await scene.start();
  await simulator.behave({ delay_ms: 300, misbehaviour: "two_codes" });
  await asker.want({ requestId: 7 });
  await eventually(async () => (await integration.metric("callbacks_total", "refused")) === 1);
  const [voucher] = await simulator.vouchers();
  t.deepEqual(await asker.heard(), [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "web" }]);
});

flow("callbacks that come again change nothing, and are accepted", async (t, scene) => {
  const { simulator, integration, asker } = await scene.start();
  await simulator.behave({ delay_ms: 300, duplicate_callbacks: 3 });
  await asker.want({ requestId: 7 });
  await eventually(async () => (await integration.metric("callbacks_total", "repeated")) === 3);
  t.is((await asker.hears(1)).length, 1);
  t.is(await integration.metric("callbacks_total", "accepted"), 1);
});

flow(
  "a provider whose answers are garbage is asked again until they are not, and there is one voucher",
  async (t, scene) => {
    const { simulator, integration, asker } = await scene.start();
    await simulator.behave({ misbehaviour: "malformed_answer" });
    await asker.want({ requestId: 7 });
    await eventually(async () => (await integration.metric("provider_answers_total", "failed")) >= 2);
    t.deepEqual(await asker.heard(), []);
    await simulator.behave({});
    const heard = await asker.hears(1);
    const [voucher, ...others] = await simulator.vouchers();
    t.deepEqual(heard, [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "web" }]);
    t.is(others.length, 0);
  },
);

flow("a quarter of the requests fail, before or after there is a voucher, and each gets one code", async (t, scene) => {
  const { simulator, asker } = await scene.start();
  await simulator.behave({ failure_rate: 0.25 });
  await asker.want(...Array.from({ length: 40 }, (_, index) => ({ requestId: index + 1 })));
  const heard = await asker.hears(40);
  t.deepEqual(
    heard.map(({ code }) => code).toSorted(),
    (await simulator.vouchers()).map(({ voucher_code }) => voucher_code).toSorted(),
  );
});
