import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { eventually } from "../platform/testing/eventually.ts";
import { freePorts } from "../platform/testing/free-ports.ts";
import { challengeOf } from "./domain/proof.ts";
import { usualPhoneNumber } from "./testing/asker.ts";
import { flow, type Scene } from "./testing/flow.ts";
import { acknowledgement, codeAnswer, HandProvider, type Respond, send } from "./testing/hand-provider.ts";
import { newVerifier } from "./testing/wrong-callbacks.ts";

/** So long that no attempt fails only because the machine is busy. */
const patient = { VOUCHER_ACK_AFTER_MS: "10000" };

/** All of it but the provider, which answers by hand. */
async function startWith(scene: Scene, respond: Respond, environment: Readonly<Record<string, string>> = patient) {
  const provider = await HandProvider.start(respond);
  scene.atEnd(() => provider.stop());
  const integration = await scene.integration(provider.url, { environment });
  const asker = await scene.asker();
  await integration.begin();
  asker.begin();
  return { provider, integration, asker };
}

flow(
  "the provider is told whom a voucher is for, where to call back, and by what it knows the request again",
  async (t, scene) => {
    const { provider, integration, asker } = await startWith(scene, (_, response) =>
      send(response, 200, codeAnswer("C1")),
    );
    await asker.want({ requestId: 7 });
    await asker.hears(1);
    const [asked] = provider.asked;
    const { port, pathname } = integration.callbackUrl;
    t.is(asked?.phoneNumber, usualPhoneNumber);
    t.is(asked?.callbackUrl, `http://localhost:${port}${pathname}`);
    t.regex(asked?.key ?? "", /^"voucher-7-[0-9]{16}"$/);
    t.is(asked?.authorization, undefined);
  },
);

flow("a callback's address, and the provider's path, user and password are as they are set", async (t, scene) => {
  let path = "";
  const provider = await HandProvider.start((_, response, request) => {
    path = request.url ?? "";
    send(response, 200, codeAnswer("C1"));
  });
  scene.atEnd(() => provider.stop());
  const url = `${provider.url.replace("//", "//us%40er:pa%3Ass@")}/vps/`;
  const environment = { VOUCHER_CALLBACK_URL: "https://vouchers.example.com/callback" };
  const integration = await scene.integration(url, { environment });
  const asker = await scene.asker();
  await integration.begin();
  asker.begin();
  await asker.want({ requestId: 7 });
  await asker.hears(1);
  t.is(path, "/vps/api/request/voucher");
  t.like(provider.asked[0], {
    callbackUrl: "https://vouchers.example.com/callback",
    authorization: `Basic ${btoa("us@er:pa:ss")}`,
  });
});

for (const status of [400, 401, 403, 404, 410, 422]) {
  flow(`${status} is a final no`, async (t, scene) => {
    const { provider, asker } = await startWith(scene, (_, response) => send(response, status, {}));
    await asker.want({ requestId: 7 });
    t.deepEqual(await asker.hears(1), [{ requestId: 7, failure: "refused" }]);
    t.is(provider.asked.length, 1);
  });
}

const challenge = challengeOf(newVerifier());

/** Answers that come to nothing, of which the next attempt makes up. */
const failures: Readonly<Record<string, Respond>> = {
  ...Object.fromEntries(
    [408, 409, 425, 429, 500, 502, 503, 504, 204, 302].map((status): [string, Respond] => [
      `a status of ${status}`,
      (_, response) => response.writeHead(status, { location: "/elsewhere" }).end(),
    ]),
  ),
  "a connection that breaks": (_, response) => response.destroy(),
  "an answer that is too long": (_, response) => send(response, 200, { ...codeAnswer("C1"), more: "x".repeat(17_000) }),
  "no JSON": (_, response) => send(response, 200, "<html>"),
  "a list": (_, response) => send(response, 200, []),
  nothing: (_, response) => send(response, 200, {}),
  "a code without a status": (_, response) => send(response, 200, { voucherCode: "C1" }),
  "a status of LATE_SUCCESS": (_, response) => send(response, 200, { ...codeAnswer("C1"), status: "LATE_SUCCESS" }),
  "a code that is empty": (_, response) => send(response, 200, codeAnswer("")),
  "a code that is a number": (_, response) => send(response, 200, codeAnswer(17)),
  "the method plain": (_, response) => send(response, 200, acknowledgement(newVerifier(), "plain")),
  "the method s256": (_, response) => send(response, 200, acknowledgement(challenge, "s256")),
  "no method": (_, response) => send(response, 200, { "t(codeVerifier)": challenge }),
  "no challenge": (_, response) => send(response, 200, { transformMethod: "S256" }),
  "a challenge that is too short": (_, response) => send(response, 200, acknowledgement(challenge.slice(1))),
  "a challenge that is padded": (_, response) => send(response, 200, acknowledgement(`${challenge}=`)),
  "a challenge that no hash has": (_, response) => send(response, 200, acknowledgement(`${challenge.slice(0, 42)}B`)),
  "a challenge that is a list": (_, response) => send(response, 200, acknowledgement([challenge])),
};

const silences: Readonly<Record<string, Respond>> = {
  "no answer": () => undefined,
  "an answer that does not end": (_, response) => response.writeHead(200, { "content-length": "9" }).write("{"),
};

const impatient = { VOUCHER_ACK_AFTER_MS: "10" };

for (const [answers, environment] of [
  [failures, patient],
  [silences, impatient],
] as const) {
  for (const [title, respond] of Object.entries(answers)) {
    flow(
      `${title} is a failure of the attempt, after which the provider is asked again`,
      async (t, scene) => {
        const { provider, integration, asker } = await startWith(
          scene,
          (asked, response, request) =>
            provider.asked.length === 1 ? respond(asked, response, request) : send(response, 200, codeAnswer("C2")),
          environment,
        );
        await asker.want({ requestId: 7 });
        t.deepEqual(await asker.hears(1), [{ requestId: 7, code: "C2", channel: "web" }]);
        t.true(provider.asked.length >= 2);
        t.is(new Set(provider.asked.map(({ key }) => key)).size, 1);
        t.is(await integration.metric("provider_answers_total", "failed"), provider.asked.length - 1);
      },
      { on: ["SQLite"] },
    );
  }
}

flow("a challenge that another request has is none", async (t, scene) => {
  const { asker, integration } = await startWith(scene, ({ phoneNumber }, response) =>
    send(response, 200, phoneNumber === usualPhoneNumber ? acknowledgement(challenge) : codeAnswer("C2")),
  );
  await asker.want({ requestId: 7 });
  await eventually(async () => (await integration.requests())[0]?.state === "acknowledged");
  await asker.want({ requestId: 8 });
  await eventually(async () => ((await integration.requests())[1]?.attempts as bigint) >= 1n);
  t.like((await integration.requests())[1], { state: "waiting", challenge: null });
  // And others that are written with it are none the worse for it.
  await asker.want({ requestId: 9, phoneNumber: "+84909000009" });
  t.deepEqual(await asker.hears(1), [{ requestId: 9, code: "C2", channel: "web" }]);
});

flow("an acknowledgement stays what it was, whatever another attempt is told later", async (t, scene) => {
  const held = Promise.withResolvers<() => void>();
  const { provider, integration, asker } = await startWith(scene, (_, response) => {
    if (provider.asked.length > 1) return send(response, 200, acknowledgement(challenge));
    return held.resolve(() => send(response, 200, acknowledgement(challengeOf(newVerifier()))));
  });
  await asker.want({ requestId: 7 });
  const answer = await held.promise;
  // As if the lease of the first were over.
  await integration.change("UPDATE requests SET due_at = 0");
  await eventually(async () => (await integration.requests())[0]?.state === "acknowledged");
  answer();
  await eventually(async () => (await integration.metric("provider_answers_total", "acknowledged")) === 2);
  // What has been written by then is there once another is.
  await asker.want({ requestId: 8, requestedAt: 1n });
  await asker.hears(1);
  t.like((await integration.requests())[0], { state: "acknowledged", challenge });
});

flow("a provider that is away is left alone, and asked again when it is there", async (t, scene) => {
  const [port = 0] = await freePorts(1);
  const integration = await scene.integration(`http://127.0.0.1:${port}`);
  const asker = await scene.asker();
  await integration.begin();
  asker.begin();
  await asker.want(...Array.from({ length: 30 }, (_, index) => ({ requestId: index + 1 })));
  await eventually(async () => (await integration.metric("provider_circuit_open")) === 1);
  const attempts = await integration.metric("provider_answers_total", "failed");
  await sleep(1_000);
  t.true((await integration.metric("provider_answers_total", "failed")) <= Math.max(30, attempts + 1));
  const simulator = await scene.simulator(port);
  const heard = await asker.hears(30);
  t.is(new Set(heard.map(({ code }) => code)).size, 30);
  t.is((await simulator.vouchers()).length, 30);
  t.is(await integration.metric("provider_circuit_open"), 0);
});

flow(
  "while the circuit is open, a failing provider is asked by one request at a time, after a pause",
  async (t, scene) => {
    const { provider, integration, asker } = await startWith(scene, (_, response) => send(response, 500, {}));
    await asker.want(...Array.from({ length: 200 }, (_, index) => ({ requestId: index + 1 })));
    await eventually(async () => (await integration.metric("provider_circuit_open")) === 1);
    // Those that were under way by then still arrive.
    for (let before = -1; before !== provider.asked.length; ) {
      before = provider.asked.length;
      for (let turn = 0; turn < 10; turn++) await sleep(50);
    }
    const atOpening = provider.asked.length;
    provider.mostAtOnce = 0;
    await sleep(4_500);
    const since = provider.asked.length - atOpening;
    t.true(since >= 1 && since <= 3, `${since}`);
    t.is(provider.mostAtOnce, 1);
  },
);

flow("no more than 256 requests are with the provider at once", async (t, scene) => {
  const waiting: (() => void)[] = [];
  const { provider, asker } = await startWith(
    scene,
    async ({ key }, response) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      send(response, 200, codeAnswer(`C${key.slice(9, 20)}`.replace("-", ":")));
    },
    { VOUCHER_ACK_AFTER_MS: "20000" },
  );
  await asker.want(...Array.from({ length: 300 }, (_, index) => ({ requestId: index + 1 })));
  await eventually(async () => waiting.length === 256);
  await sleep(700);
  t.is(waiting.length, 256);
  for (const answer of waiting.splice(0)) answer();
  await eventually(async () => waiting.length === 44);
  for (const answer of waiting.splice(0)) answer();
  await asker.hears(300);
  t.is(provider.asked.length, 300);
});

flow(
  "what was under way when a replica stopped is asked for at once by the next",
  async (t, scene) => {
    const provider = await HandProvider.start((_, response) =>
      provider.asked.length === 1 ? undefined : send(response, 200, codeAnswer("C1")),
    );
    scene.atEnd(() => provider.stop());
    const [first, second] = [await scene.integration(provider.url), await scene.integration(provider.url)];
    const asker = await scene.asker();
    await first.begin();
    asker.begin();
    await asker.want({ requestId: 7 });
    await eventually(async () => provider.asked.length === 1);
    await first.stop();
    // It is nobody's fault.
    t.like((await second.requests())[0], { state: "waiting", attempts: 0n });
    await second.begin();
    t.deepEqual(await asker.hears(1), [{ requestId: 7, code: "C1", channel: "web" }]);
  },
  { environment: patient },
);

flow("neither codes nor verifiers are in the log", async (t, scene) => {
  const lines: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  const { simulator, asker } = await scene.start({ log });
  await simulator.behave({
    delay_spread_ms: 400,
    duplicate_callbacks: 1,
    failure_rate: 0.2,
    misbehaviour: "two_codes",
  });
  await asker.want(...Array.from({ length: 20 }, (_, index) => ({ requestId: index + 1 })));
  await asker.hears(20);
  t.true(lines.length > 0);
  for (const { voucher_code } of await simulator.vouchers()) t.false(lines.join("").includes(voucher_code));
});
