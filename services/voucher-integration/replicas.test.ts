import { setTimeout as sleep } from "node:timers/promises";
import { natsServer } from "../platform/testing/engines.ts";
import { natsTestTransport } from "../platform/testing/event-mesh.ts";
import { mostAtOnce } from "./asking.ts";
import { flow, type Scene } from "./testing/flow.ts";
import { codeAnswer, HandProvider, send } from "./testing/hand-provider.ts";

const nats = natsServer();

/** A provider that takes a moment, or more, and gives each request a code of its own. */
async function startProvider(scene: Scene, takeTime = () => sleep(20)): Promise<HandProvider> {
  const provider = await HandProvider.start(async ({ key }, response) => {
    await takeTime();
    send(response, 200, codeAnswer(key.replaceAll('"', "")));
  });
  scene.atEnd(() => provider.stop());
  return provider;
}

/** So long that no attempt fails, and no lease ends, only because the machine is busy. */
const patient = { VOUCHER_ACK_AFTER_MS: "10000" };

flow(
  "two replicas share the work, and neither asks for what the other asks for",
  async (t, scene) => {
    const { promise: bothAsk, resolve: open } = Promise.withResolvers<void>();
    let asked = 0;
    // It answers nobody until it is asked for more than one replica asks for at once.
    const provider = await startProvider(scene, async () => {
      if (++asked > mostAtOnce) open();
      await bothAsk;
      await sleep(20);
    });
    const replicas = [await scene.integration(provider.url), await scene.integration(provider.url)];
    const asker = await scene.asker();
    for (const replica of replicas) await replica.begin();
    asker.begin();
    for (let first = 1; first <= 1_000; first += 100) {
      await asker.want(...Array.from({ length: 100 }, (_, index) => ({ requestId: first + index })));
      await sleep(20);
    }
    const heard = await asker.hears(1_000);
    t.is(new Set(heard.map(({ requestId }) => requestId)).size, 1_000);
    t.is(provider.asked.length, 1_000);
    t.true(provider.asked.every(({ atOnceOfKey }) => atOnceOfKey === 1));
    const shares = await Promise.all(replicas.map((replica) => replica.metric("provider_answers_total", "code")));
    t.log(shares);
    t.true(Math.min(...shares) > 0);
  },
  { environment: patient },
);

flow("a replica takes the callbacks of what another one has asked for", async (t, scene) => {
  const simulator = await scene.simulator();
  await simulator.behave({ delay_ms: 300, delay_spread_ms: 300, duplicate_callbacks: 1 });
  const second = await scene.integration(simulator.url);
  await second.begin();
  const environment = { VOUCHER_CALLBACK_URL: second.callbackUrl.href };
  const first = await scene.integration(simulator.url, { environment });
  const asker = await scene.asker();
  await first.begin();
  asker.begin();
  await asker.want(...Array.from({ length: 40 }, (_, index) => ({ requestId: index + 1 })));
  const heard = await asker.hears(40);
  t.is(new Set(heard.map(({ code }) => code)).size, 40);
  t.is(await second.metric("callbacks_total", "accepted"), 40);
});

if (nats) {
  flow(
    "over NATS, with two replicas, every request has one code",
    async (t, scene) => {
      const simulator = await scene.simulator();
      await simulator.behave({ delay_spread_ms: 400, duplicate_callbacks: 1, failure_rate: 0.05 });
      const replicas = [await scene.integration(simulator.url), await scene.integration(simulator.url)];
      const asker = await scene.asker();
      for (const replica of replicas) await replica.begin();
      asker.begin();
      await asker.want(...Array.from({ length: 200 }, (_, index) => ({ requestId: index + 1 })));
      await asker.hears(200);
      await asker.sendAgain();
      await sleep(500);
      const heard = await asker.heard();
      t.is(heard.length, 200);
      t.deepEqual(
        heard.map(({ code }) => code).toSorted(),
        (await simulator.vouchers()).map(({ voucher_code }) => voucher_code).toSorted(),
      );
    },
    { newTransport: () => natsTestTransport(nats) },
  );
}
