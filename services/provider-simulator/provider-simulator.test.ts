import { createHash } from "node:crypto";
import { networkInterfaces } from "node:os";
import test, { type ExecutionContext } from "ava";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { CallbackReceiver } from "./testing/callback-receiver.ts";
import { RunningSimulator } from "./testing/running-simulator.ts";

const phoneNumber = "0909123456";
const all = engines();
test.after.always(() => Promise.all(all.map((engine) => engine.remove())));

/** Shorter than the provider's own times. */
const pace = { VOUCHER_ACK_AFTER_MS: "200", VOUCHER_LATE_AFTER_MS: "400" };

interface Scene {
  readonly simulator: RunningSimulator;
  readonly client: CallbackReceiver;
  /** What the client asks for. */
  readonly request: { readonly phoneNumber: string; readonly callbackUrl: string };
}

/** Declares a test on every engine; those of one engine share a database, and take turns. */
function scene(title: string, run: (t: ExecutionContext, scene: Scene) => Promise<void>): void {
  for (const engine of all) {
    test.serial(`${title} (${engine.name})`, async (t) => {
      const simulator = await start(t, engine);
      await simulator.behave({});
      const client = await CallbackReceiver.start();
      t.teardown(() => client.stop());
      await run(t, { simulator, client, request: { phoneNumber, callbackUrl: client.url } });
    });
  }
}

async function start(t: ExecutionContext, engine: Engine, environment = {}): Promise<RunningSimulator> {
  const simulator = await RunningSimulator.start(engine, { ...pace, ...environment });
  t.teardown(() => simulator.stop());
  return simulator;
}

const challengeOf = (verifier: unknown) => createHash("sha256").update(String(verifier)).digest("base64url");

scene("a code that is ready by the mark is the answer, and there is no callback", async (t, { simulator, request }) => {
  for (const delay_ms of [0, 50]) {
    await simulator.behave({ delay_ms });
    const { status, body } = await simulator.ask(request);
    t.is(status, 200);
    t.like(body, { message: "Thank you for using our services, your voucher code is ready.", status: "SUCCESS" });
    t.regex(String(body.voucherCode), /^[0-9A-F]{20}$/);
    const listed = (await simulator.vouchers(phoneNumber)).at(-1);
    t.like(listed, { voucher_code: String(body.voucherCode), phone_number: phoneNumber, callback: "none" });
  }
});

scene("what is not ready by the mark is acknowledged, and called back", async (t, { simulator, client, request }) => {
  await simulator.behave({ delay_ms: 300 });
  const { status, body } = await simulator.ask(request);
  t.is(status, 200);
  t.is(body.message, "Your request is being processed within 30 seconds");
  t.is(body.transformMethod, "S256");
  t.is(client.received.length, 0);
  await eventually(async () => client.received.length > 0);
  const [called] = client.bodies;
  t.is(body["t(codeVerifier)"], challengeOf(called?.codeVerifier));
  t.like(called, { status: "SUCCESS", message: "Thank you for using our services, your voucher code is ready." });
  await eventually(async () => (await simulator.vouchers()).at(-1)?.callback === "accepted");
  t.is((await simulator.vouchers()).at(-1)?.voucher_code, String(called?.voucherCode));
  t.is(client.received.length, 1);
});

scene(
  "what takes longer than the client was promised is called back as late",
  async (t, { simulator, client, request }) => {
    await simulator.behave({ delay_ms: 500 });
    await simulator.ask(request);
    await eventually(async () => client.received.length > 0);
    t.like(client.bodies[0], {
      status: "LATE_SUCCESS",
      message: "Thank you for your patience, your voucher code is ready.",
    });
  },
);

scene("a callback comes again, as often as it is told", async (t, { simulator, client, request }) => {
  await simulator.behave({ delay_ms: 210, duplicate_callbacks: 2 });
  await simulator.ask(request);
  await eventually(async () => client.received.length === 3);
  t.is(new Set(client.received.map(({ text }) => text)).size, 1);
});

for (const status of [0, 500, 503, 429]) {
  scene(
    `a callback that is answered ${status || "not at all"} comes until it is accepted`,
    async (t, { simulator, client, request }) => {
      await simulator.behave({ delay_ms: 210 });
      client.status = status;
      await simulator.ask(request);
      await eventually(async () => client.received.length === 2);
      client.status = 200;
      await eventually(async () => (await simulator.vouchers()).at(-1)?.callback === "accepted");
      t.is(new Set(client.received.map(({ text }) => text)).size, 1);
    },
  );
}

scene("a callback that is refused does not come again", async (t, { simulator, client, request }) => {
  await simulator.behave({ delay_ms: 210 });
  client.status = 403;
  await simulator.ask(request);
  await eventually(async () => (await simulator.vouchers()).at(-1)?.callback === "refused");
  t.is(client.received.length, 1);
});

scene(
  "the same Idempotency-Key is the same voucher, with the code once it is ready",
  async (t, { simulator, request }) => {
    const key = `"${Math.random()}"`;
    await simulator.behave({ delay_ms: 400 });
    const headers = { "idempotency-key": key };
    const [first, meanwhile] = await Promise.all([simulator.ask(request, headers), simulator.ask(request, headers)]);
    t.truthy(first.body["t(codeVerifier)"]);
    t.deepEqual(meanwhile.body, first.body);
    t.deepEqual((await simulator.ask(request, headers)).body, first.body);
    const listed = (await simulator.vouchers()).filter((one) => one.key === key.slice(1, -1));
    t.is(listed.length, 1);
    await eventually(async () => (await simulator.ask(request, headers)).body.status === "SUCCESS");
    t.is((await simulator.ask(request, headers)).body.voucherCode, listed[0]?.voucher_code);
    const other = await simulator.ask({ ...request, phoneNumber: "0909123457" }, headers);
    t.is(other.status, 422);
  },
);

scene("so many of the requests fail, before or after there is a voucher", async (t, { simulator, request }) => {
  await simulator.behave({ failure_rate: 1 });
  const before = (await simulator.vouchers()).length;
  const answers = await Promise.all(Array.from({ length: 40 }, () => simulator.ask(request)));
  t.true(answers.every(({ status }) => status === 500));
  const made = (await simulator.vouchers()).length - before;
  t.true(made > 0 && made < 40, `${made}`);
});

const badRequests = {
  "without a phone number": [{ callbackUrl: "http://localhost/" }, "phoneNumber"],
  "whose phone number is none": [{ phoneNumber: "abc", callbackUrl: "http://localhost/" }, "phoneNumber"],
  "whose callback is no URL": [{ phoneNumber, callbackUrl: "localhost" }, "callbackUrl"],
  "that is no object": [[], "body"],
} as const;

for (const [title, [body, field]] of Object.entries(badRequests)) {
  scene(`a request ${title} is a 422 that names it`, async (t, { simulator }) => {
    const before = (await simulator.vouchers()).length;
    const answer = await simulator.ask(body);
    t.is(answer.status, 422);
    t.deepEqual(Object.keys(answer.body.errors as object), [field]);
    t.is((await simulator.vouchers()).length, before);
  });
}

scene(
  "a request that is no JSON, has another type, is too large or has no key in its header is refused",
  async (t, { simulator, request }) => {
    t.is((await simulator.ask("{")).status, 400);
    t.is((await simulator.ask(JSON.stringify(request), { "content-type": "text/plain" })).status, 415);
    t.is((await simulator.ask({ ...request, more: "x".repeat(20_000) })).status, 413);
    t.is((await simulator.ask(request, { "idempotency-key": '"' })).status, 400);
    t.is((await simulator.ask(request, { "idempotency-key": "x".repeat(256) })).status, 400);
    t.is((await simulator.call("GET", "/api/request/voucher")).status, 404);
  },
);

const badBehaviours = {
  delay_ms: [-1, 1.5, "3", 86_400_001],
  delay_spread_ms: [-1],
  failure_rate: [-0.1, 1.1, "0.5"],
  duplicate_callbacks: [-1, 11],
  misbehaviour: ["well", 1],
  delay: [1],
};

scene("a behaviour that cannot be is a 422 that names it, and changes nothing", async (t, { simulator }) => {
  await simulator.behave({ delay_ms: 7 });
  for (const [field, values] of Object.entries(badBehaviours)) {
    for (const value of values) {
      const { status, body } = await simulator.call("PUT", "/simulator", { [field]: value });
      t.is(status, 422);
      t.deepEqual(Object.keys(body.errors as object), [field]);
    }
  }
  t.is((await simulator.call("PUT", "/simulator", "{")).status, 400);
  t.like((await simulator.call("GET", "/simulator")).body, { delay_ms: 7 });
});

for (const engine of all) {
  test.serial(`what it has promised, and how it behaves, outlives it (${engine.name})`, async (t) => {
    const client = await CallbackReceiver.start();
    t.teardown(() => client.stop());
    const first = await start(t, engine);
    await first.behave({ delay_ms: 600 });
    const asked = { phoneNumber, callbackUrl: client.url };
    const { body } = await first.ask(asked, { "idempotency-key": "kept" });
    await first.stop();
    t.is(client.received.length, 0);
    const second = await start(t, engine);
    t.like((await second.call("GET", "/simulator")).body, { delay_ms: 600 });
    await eventually(async () => client.received.length > 0);
    t.is(body["t(codeVerifier)"], challengeOf(client.bodies[0]?.codeVerifier));
    t.is((await second.ask(asked, { "idempotency-key": "kept" })).body.voucherCode, client.bodies[0]?.voucherCode);
  });
}

test.serial("in production only this machine may change how it behaves", async (t) => {
  const [engine] = all;
  if (!engine) return t.fail();
  const simulator = await start(t, engine, { NODE_ENV: "production", HOST: "0.0.0.0" });
  t.is((await simulator.call("PUT", "/simulator", {})).status, 200);
  const { port } = new URL(simulator.url);
  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === "IPv4")?.address;
  if (address === undefined) return t.log("this machine has no other address");
  const elsewhere = await fetch(`http://${address}:${port}/simulator`, { method: "PUT", body: "{}" });
  t.is(elsewhere.status, 403);
});
