import { createHmac } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { startProcess } from "../testing/processes.ts";
import { type DataPlatform, type DataPlatformOptions, startDataPlatform } from "./data-platform.ts";

const secret = "whsec_aGVyZSBpdCBpcyBubyBzZWNyZXQgYXQgYWxs";

async function start(t: ExecutionContext, options: Partial<DataPlatformOptions> = {}): Promise<DataPlatform> {
  const platform = await startDataPlatform({ port: 0, secret, ...options });
  t.teardown(() => platform.stop());
  return platform;
}

const eventText = (id: number) =>
  JSON.stringify({ type: "order.paid", timestamp: "2026-11-20T00:00:00.000000Z", data: { id } });

const secondsNow = () => Math.floor(Date.now() / 1_000);

/** A request as Standard Webhooks has it, but for what a test changes. */
function signed(id: string, body: string, changes: Readonly<Record<string, string>> = {}, sentAt = secondsNow()) {
  const key = Buffer.from(secret.slice(6), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${sentAt}.${body}`).digest("base64");
  return {
    method: "POST",
    body,
    headers: {
      "webhook-id": id,
      "webhook-timestamp": String(sentAt),
      "webhook-signature": `v1,${signature}`,
      ...changes,
    },
  };
}

const statusOf = async (url: string, init: RequestInit) => (await fetch(url, init)).status;
const behave = (url: string, behaviour: unknown) =>
  statusOf(`${url}behaviour`, {
    method: "PUT",
    body: typeof behaviour === "string" ? behaviour : JSON.stringify(behaviour),
  });

test("events are shown in order of arrival, each once, with how often it came again", async (t) => {
  const { url } = await start(t);
  for (const id of [3, 1, 2, 1, 1]) t.is(await statusOf(url, signed(`order-${id}-paid`, eventText(id))), 204);
  const events = (await (await fetch(`${url}events`)).json()) as Record<string, unknown>[];
  t.deepEqual(
    events.map(({ id, repeats }) => [id, repeats]),
    [
      ["order-3-paid", 0],
      ["order-1-paid", 2],
      ["order-2-paid", 0],
    ],
  );
  t.like(events[0], { type: "order.paid", timestamp: "2026-11-20T00:00:00.000000Z", data: { id: 3 } });
});

const good = signed("order-1-paid", eventText(1));
const badRequests: Readonly<Record<string, RequestInit>> = {
  "without a signature": { method: "POST", body: good.body },
  "whose body was changed": { ...good, body: eventText(2) },
  "whose id was changed": signed("order-1-paid", eventText(1), { "webhook-id": "order-2-paid" }),
  "whose time was changed": signed("order-1-paid", eventText(1), { "webhook-timestamp": String(secondsNow() + 10) }),
  "whose time is none": signed("order-1-paid", eventText(1), { "webhook-timestamp": "soon" }),
  "that is signed by another version": signed("order-1-paid", eventText(1), {
    "webhook-signature": good.headers["webhook-signature"].replace("v1", "v2"),
  }),
  "whose signature is cut short": signed("order-1-paid", eventText(1), {
    "webhook-signature": good.headers["webhook-signature"].slice(0, 20),
  }),
  "from ten minutes ago": signed("order-1-paid", eventText(1), {}, secondsNow() - 600),
  "from in ten minutes": signed("order-1-paid", eventText(1), {}, secondsNow() + 600),
};

for (const [title, request] of Object.entries(badRequests)) {
  test(`a request ${title} is a 401 and takes nothing`, async (t) => {
    const platform = await start(t);
    t.is(await statusOf(platform.url, request), 401);
    t.is(platform.events.length, 0);
  });
}

test("one of several signatures is enough", async (t) => {
  const { url } = await start(t);
  const { headers } = signed("a", eventText(1));
  const several = { "webhook-signature": `v1,AAAA ${headers["webhook-signature"]} v1a,BBBB` };
  t.is(await statusOf(url, signed("a", eventText(1), several)), 204);
});

test("what is signed and is no event is a 400", async (t) => {
  const { url } = await start(t);
  for (const body of ["", "{", "null", "[]", "{}", '{"type":1,"timestamp":"t"}']) {
    t.is(await statusOf(url, signed("a", body)), 400, body);
  }
});

test("a body of more than 1 MB is a 413", async (t) => {
  const { url } = await start(t);
  const empty = JSON.stringify({ type: "t", timestamp: "t", data: "" });
  const fits = empty.replace('""', `"${"x".repeat(1024 * 1024 - empty.length)}"`);
  t.is(await statusOf(url, signed("a", fits)), 204);
  t.is(await statusOf(url, signed("b", `${fits} `)), 413);
});

test("anything else is a 404", async (t) => {
  const { url } = await start(t);
  for (const method of ["GET", "PUT", "DELETE"]) t.is(await statusOf(url, { method }), 404);
  t.is(await statusOf(`${url}orders`, signed("a", eventText(1))), 404);
  t.is(await statusOf(`${url}events`, { method: "POST" }), 404);
});

test("it answers as it is told to, and takes only what it says that it takes", async (t) => {
  const platform = await start(t);
  t.is(await behave(platform.url, { status: 503 }), 204);
  t.is(await statusOf(platform.url, signed("a", eventText(1))), 503);
  t.is(platform.events.length, 0);
  t.is(await behave(platform.url, { status: 202, delay_ms: 1 }), 204);
  t.is(await statusOf(platform.url, signed("a", eventText(1))), 202);
  t.is(platform.events.length, 1);
  t.is(await behave(platform.url, {}), 204);
  t.is(await statusOf(platform.url, signed("b", eventText(1))), 204);
});

test("of what fails, some was taken and some was not", async (t) => {
  const platform = await start(t);
  await behave(platform.url, { failure_rate: 1 });
  for (let id = 1; id <= 64; id++) t.is(await statusOf(platform.url, signed(`a${id}`, eventText(id))), 500);
  t.true(platform.events.length > 0 && platform.events.length < 64);
});

test("a behaviour that there is not is a 422 and changes nothing", async (t) => {
  const platform = await start(t);
  const wrong = [
    ...["", "{", "null", "[]", "1"],
    ...[
      { failure_rate: 2 },
      { failure_rate: "1" },
      { delay_ms: -1 },
      { status: 99 },
      { status: 200.5 },
      { mood: "bad" },
    ],
  ];
  for (const behaviour of wrong) t.is(await behave(platform.url, behaviour), 422, JSON.stringify(behaviour));
  t.is(await statusOf(platform.url, signed("a", eventText(1))), 204);
});

test("as a program it prints a line for each event, and ends when it is told to", async (t) => {
  const environment = { DATA_PLATFORM_SECRET: secret };
  const program = startProcess("services/data-platform-simulator/main.ts", ["--port", "0"], environment);
  await program.says(/takes events at http:\S+/);
  const [url = ""] = /http:\S+\//.exec(program.output()) ?? [];
  await fetch(url, signed("order-1-paid", eventText(1)));
  await fetch(url, signed("order-1-paid", eventText(1)));
  await program.says("order-1-paid (again, 1)\n");
  t.true(program.output().includes("2026-11-20T00:00:00.000000Z order.paid order-1-paid\n"));
  t.is(await program.end(), 0);
});

const badStarts: readonly [string, readonly string[], Readonly<Record<string, string>>, RegExp][] = [
  ["without a secret", [], {}, /^DATA_PLATFORM_SECRET: needed/],
  ["with a port that is none", ["--port", "x"], { DATA_PLATFORM_SECRET: secret }, /^--port: must be 0 to 65535\n$/],
  ["with an option that there is not", ["--prot", "1"], { DATA_PLATFORM_SECRET: secret }, /^Unknown option '--prot'/],
];

for (const [title, args, environment, says] of badStarts) {
  test(`as a program ${title} it says so in a line, and does not start`, async (t) => {
    const program = startProcess("services/data-platform-simulator/main.ts", args, environment);
    t.is(await program.exited, 1);
    t.regex(program.output(), says);
  });
}
