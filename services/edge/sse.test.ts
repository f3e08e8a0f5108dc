import { getEventListeners } from "node:events";
import { mock } from "node:test";
import test from "ava";
import { send, signalOf, startEchoEdge, whenCancelled } from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

const token = "user-17";

test("each message of a stream is an event, and the end of one is the end of the other", async (t) => {
  const response = await send(edge.url, "GET", "/ticks?count=2", { token });
  t.is(response.status, 200);
  t.is(response.headers.get("content-type"), "text/event-stream");
  t.is(response.headers.get("cache-control"), "no-store");
  t.is(response.headers.get("access-control-allow-origin"), "*");
  t.truthy(response.headers.get("x-request-id"));
  t.is(await response.text(), 'data: {"number":1,"padding":""}\n\ndata: {"number":2,"padding":""}\n\n');
});

for (const ending of ["", "refuse", "fail"]) {
  test(`a stream that has ended${ending && ` with ${ending}`} is kept by nothing until the edge stops`, async (t) => {
    const headers = { "x-request-id": `over-${ending}` };
    const response = await send(edge.url, "GET", `/ticks?count=2&ending=${ending}`, { token, headers });
    await response.text();
    const signal = signalOf(headers["x-request-id"]) ?? t.fail();
    t.deepEqual(getEventListeners(signal, "abort"), []);
  });
}

test("a refusal before the first message is an answer of its own", async (t) => {
  const response = await send(edge.url, "GET", "/ticks?ending=refuse", { token });
  t.is(response.status, 400);
  t.like(await response.json(), { success: false, code: "TICKED_OUT" });
});

test("a refusal on the way is an event of its own, and the end", async (t) => {
  const response = await send(edge.url, "GET", "/ticks?count=1&ending=refuse", { token });
  const [first, second, ...rest] = (await response.text()).split("\n\n");
  t.is(first, 'data: {"number":1,"padding":""}');
  const [event, data = ""] = second?.split("\ndata: ") ?? [];
  t.is(event, "event: error");
  t.deepEqual(JSON.parse(data), {
    success: false,
    message: "No more ticks",
    code: "TICKED_OUT",
    request_id: response.headers.get("x-request-id"),
  });
  t.deepEqual(rest, [""]);
});

test("a failure that nobody expected says nothing on the way either", async (t) => {
  const response = await send(edge.url, "GET", "/ticks?count=1&ending=fail", { token });
  const text = await response.text();
  t.regex(text, /event: error\ndata: .*"code":"INTERNAL"/);
  t.notRegex(text, /clock/);
});

test("who may not call gets no stream", async (t) => {
  t.is((await send(edge.url, "GET", "/ticks")).status, 401);
  t.is((await send(edge.url, "GET", "/ticks", { token: "admin-1" })).status, 403);
  t.is((await send(edge.url, "GET", "/ticks?count=x", { token })).status, 422);
});

test("a stream that has nothing to say yet is open all the same", async (t) => {
  const gone = new AbortController();
  const response = await send(edge.url, "GET", "/ticks?ending=stay", { token, signal: gone.signal });
  t.is(response.status, 200);
  gone.abort();
  await t.throwsAsync(response.text(), { name: "AbortError" });
});

test.serial("a stream that has nothing to say shows every 15 s that it is alive", async (t) => {
  mock.timers.enable({ apis: ["setInterval"] });
  const gone = new AbortController();
  const response = await send(edge.url, "GET", "/ticks?count=1&ending=stay", { token, signal: gone.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  t.is((await reader?.read())?.value, 'data: {"number":1,"padding":""}\n\n');
  for (let i = 0; i < 2; i++) {
    mock.timers.tick(15_000);
    t.is((await reader?.read())?.value, ":keep-alive\n\n");
  }
  mock.timers.reset();
  gone.abort();
});

test("a stream's call is cancelled when its client goes away", async (t) => {
  const gone = new AbortController();
  const headers = { "x-request-id": "gone-from-the-stream" };
  const response = await send(edge.url, "GET", "/ticks?count=1&ending=stay", { token, headers, signal: gone.signal });
  const reader = response.body?.getReader();
  await reader?.read();
  gone.abort();
  await whenCancelled("gone-from-the-stream");
  t.pass();
});

test("a stream that is longer than what the network holds arrives whole", async (t) => {
  const response = await send(edge.url, "GET", "/ticks?count=200&padding=100000", { token });
  const reader = response.body?.getReader();
  await reader?.read();
  // The sender runs into the full buffers of the connection.
  await new Promise((resolve) => setTimeout(resolve, 100));
  let length = 0;
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
    length += chunk.value.length;
  }
  t.true(length > 199 * 100_000);
});

test("a client that goes away while the sender waits for room cancels the call", async (t) => {
  const gone = new AbortController();
  const headers = { "x-request-id": "gone-in-the-flood" };
  const path = "/ticks?count=1000&padding=100000&ending=stay";
  const response = await send(edge.url, "GET", path, { token, headers, signal: gone.signal });
  await response.body?.getReader().read();
  gone.abort();
  await whenCancelled("gone-in-the-flood");
  t.pass();
});
