import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../platform/database/database.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { challengeOf } from "./domain/proof.ts";
import { usualPhoneNumber } from "./testing/asker.ts";
import { flow, type Scene } from "./testing/flow.ts";
import { acknowledgement, codeAnswer, HandProvider, type Respond, send } from "./testing/hand-provider.ts";
import { newVerifier } from "./testing/wrong-callbacks.ts";

/** A code is late, and what was acknowledged is asked for again, after a second. */
const soonLate = { VOUCHER_LATE_AFTER_MS: "1000" };

const acknowledgeAnew: Respond = (_, response) => send(response, 200, acknowledgement(challengeOf(newVerifier())));

/** Longer than a callback waits for the acknowledgement that it has overtaken. */
const commitTakesMs = 1_500;

/** A database whose first change of requests takes its time. */
const slowAtFirst = (database: Database): Database => {
  let isFirst = true;
  return {
    ...database,
    batch: async (load, decide) => {
      const wait = isFirst;
      isFirst = false;
      if (wait) await sleep(commitTakesMs);
      return database.batch(load, decide);
    },
  };
};

/** Starts who asks, and who asks the provider for them. */
async function startWith(scene: Scene, provider: HandProvider) {
  scene.atEnd(() => provider.stop());
  const integration = await scene.integration(provider.url);
  const asker = await scene.asker();
  await integration.begin();
  asker.begin();
  return { integration, asker };
}

flow(
  "a callback that is refused because its acknowledgement was long in being committed loses no code",
  async (t, scene) => {
    const { simulator, integration, asker } = await scene.start({ wrapDatabase: slowAtFirst });
    await simulator.behave({ delay_ms: 200 });
    await asker.want({ requestId: 7 });
    await eventually(async () => (await simulator.vouchers())[0]?.callback === "refused");
    const heard = await asker.hears(1);
    const [voucher, ...others] = await simulator.vouchers();
    t.deepEqual(heard, [{ requestId: 7, code: voucher?.voucher_code ?? "none", channel: "sms" }]);
    t.is(others.length, 0);
    t.like((await integration.requests())[0], { state: "received" });
    t.is((await integration.everything())[1]?.length, 1);
  },
  { environment: soonLate },
);

flow(
  "a provider that acknowledges again and again is asked seldom, for the same, until time is up",
  async (t, scene) => {
    const provider = await HandProvider.start(acknowledgeAnew);
    const { integration, asker } = await startWith(scene, provider);
    await asker.want({ requestId: 7 });
    await eventually(async () => (await integration.requests())[0]?.state === "acknowledged");
    const { challenge } = (await integration.requests())[0] ?? {};
    t.deepEqual(await asker.hears(1), [{ requestId: 7, failure: "timed_out" }]);
    // At once, after a second, and after two.
    t.true(provider.asked.length >= 2 && provider.asked.length <= 3, `${provider.asked.length}`);
    t.is(new Set(provider.asked.map(({ key, callbackUrl }) => `${key} ${callbackUrl}`)).size, 1);
    t.like((await integration.requests())[0], { challenge, attempts: 0n });
  },
  { environment: { ...soonLate, VOUCHER_GIVE_UP_AFTER_MS: "3500" } },
);

/** What is said to one that was acknowledged, of which none is the end of it. */
const noCodes: Readonly<Record<string, Respond>> = {
  "a final no": (_, response) => send(response, 404, {}),
  "a failure": (_, response) => send(response, 500, {}),
  "another challenge": acknowledgeAnew,
};

for (const [title, respond] of Object.entries(noCodes)) {
  flow(
    `${title} does not undo an acknowledgement, and the provider is asked once more later`,
    async (t, scene) => {
      const challenge = challengeOf(newVerifier());
      const provider = await HandProvider.start((asked, response, request) => {
        if (provider.asked.length === 1) return send(response, 200, acknowledgement(challenge));
        return provider.asked.length === 2 ? respond(asked, response, request) : send(response, 200, codeAnswer("C1"));
      });
      const { integration, asker } = await startWith(scene, provider);
      await asker.want({ requestId: 7 });
      t.deepEqual(await asker.hears(1), [{ requestId: 7, code: "C1", channel: "sms" }]);
      t.is(provider.asked.length, 3);
      t.like((await integration.requests())[0], { challenge, attempts: 0n });
    },
    // A lease that nobody lets go of is longer than there is time.
    { environment: { ...soonLate, VOUCHER_ACK_AFTER_MS: "30000" }, on: ["SQLite"] },
  );
}

flow(
  "32 at most are asked for again at once, and no new one waits for them",
  async (t, scene) => {
    const provider = await HandProvider.start((asked, response, request) => {
      if (asked.phoneNumber !== usualPhoneNumber) return send(response, 200, codeAnswer("C1"));
      const isFirst = provider.asked.filter(({ key }) => key === asked.key).length === 1;
      return isFirst ? acknowledgeAnew(asked, response, request) : undefined;
    });
    const { integration, asker } = await startWith(scene, provider);
    await asker.want(...Array.from({ length: 100 }, (_, index) => ({ requestId: index + 1 })));
    await eventually(async () => (await integration.metric("provider_answers_total", "acknowledged")) === 100);
    await eventually(async () => (await integration.requests()).every(({ state }) => state === "acknowledged"));
    await integration.change("UPDATE requests SET due_at = 0");
    await eventually(async () => provider.asked.length === 132);
    await asker.want({ requestId: 101, phoneNumber: "+84909000009" });
    t.deepEqual(await asker.hears(1), [{ requestId: 101, code: "C1", channel: "web" }]);
    await sleep(700);
    t.is(provider.asked.length, 133);
  },
  // So long that no attempt fails, and nothing is given up, only because the machine is busy.
  { environment: { VOUCHER_ACK_AFTER_MS: "10000" } },
);
