import { connect } from "node:net";
import test from "ava";
import { ConfigError } from "../platform/config.ts";
import { lookedUp, send, startEchoEdge, whenBegun } from "./testdata/echo-edge.ts";

const few = { admin: 3, user: 4, vendor: 5, anonymous: 2 };

test("each role has its own number of requests a minute, and each caller has them for themselves", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few });
  const accepted = async (token?: string) => {
    for (let count = 0; count < 10; count++) {
      const response = await send(edge.url, "GET", "/things", token ? { token } : {});
      if (response.status !== 200) return count;
    }
    return 10;
  };
  t.is(await accepted(), 2);
  t.is(await accepted("user-1"), 4);
  t.is(await accepted("user-2"), 4);
  t.is(await accepted("vendor-3"), 5);
  t.is(await accepted("admin-4"), 3);
  t.is(await accepted("super_admin-5"), 3);
  t.is(await accepted("user-1"), 0);
  await edge.stop();
});

test("a request too many is 429 and says when to come back, by REST and by Connect", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few });
  for (let i = 0; i < 2; i++) await send(edge.url, "GET", "/things");
  const rest = await send(edge.url, "GET", "/things");
  t.is(rest.status, 429);
  t.like(await rest.json(), { success: false, code: "RATE_LIMITED" });
  const seconds = Number(rest.headers.get("retry-after"));
  t.true(seconds >= 1 && seconds <= 60);

  const json = await send(edge.url, "POST", "/echo.v1.EchoService/Search", { body: {} });
  t.is(json.status, 429);
  t.like(await json.json(), { code: "resource_exhausted" });
  const headers = { "content-type": "application/proto" };
  t.is((await send(edge.url, "POST", "/echo.v1.EchoService/Search", { body: new Uint8Array(), headers })).status, 429);
  await edge.stop();
});

test("who guesses at tokens is an anonymous caller, and soon has to wait like any other", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few });
  const statuses: number[] = [];
  for (const guess of ["user-x", "user-y", "user-z"]) {
    const headers = { authorization: `Bearer ${guess}` };
    statuses.push((await send(edge.url, "GET", "/things", { headers })).status);
  }
  t.deepEqual(statuses, [401, 401, 429]);
  t.is((await send(edge.url, "GET", "/things")).status, 429);
  const good = { authorization: "Bearer user-5" };
  t.is((await send(edge.url, "GET", "/things", { headers: good })).status, 200);
  await edge.stop();
});

test("who sends tokens that must be looked up soon has to wait too, and nothing more is looked up for them", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few });
  const guess = async () => (await send(edge.url, "GET", "/things", { token: "new-x" })).status;
  const statuses = await Promise.all([guess(), guess(), guess(), guess()]);
  t.deepEqual(statuses.toSorted(), [401, 401, 429, 429]);
  t.is(lookedUp.filter((token) => token === "x").length, 2);
  await edge.stop();
});

test("a good token that had to be looked up uses up none of its address's requests", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few });
  const statusFor = async (token?: string) => (await send(edge.url, "GET", "/things", token ? { token } : {})).status;
  for (let count = 0; count < 4; count++) t.is(await statusFor("new-user-5"), 200);
  t.is(await statusFor("new-user-5"), 429);
  t.deepEqual([await statusFor(), await statusFor(), await statusFor()], [200, 200, 429]);
  await edge.stop();
});

test("questions about the edge itself, and for what is not there, use up nobody's requests", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few });
  for (let i = 0; i < 5; i++) {
    t.is((await send(edge.url, "GET", "/healthz")).status, 200);
    t.is((await send(edge.url, "GET", "/nothing")).status, 404);
  }
  t.is((await send(edge.url, "GET", "/things")).status, 200);
  await edge.stop();
});

test("behind a proxy that is trusted, anonymous callers are told apart by address, in IPv6 by network", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few, trustedProxies: 1 });
  const statusFrom = async (address: string) =>
    (await send(edge.url, "GET", "/things", { headers: { "x-forwarded-for": address } })).status;
  t.deepEqual(
    [await statusFrom("10.0.0.1"), await statusFrom("10.0.0.1"), await statusFrom("10.0.0.1")],
    [200, 200, 429],
  );
  t.is(await statusFrom("10.0.0.2"), 200);
  // What a client says of itself, before the proxy says where it came from, counts for nothing.
  t.is(await statusFrom("10.0.0.3, 10.0.0.1"), 429);
  t.is(await statusFrom("2001:db8:0:1::1"), 200);
  t.is(await statusFrom("2001:db8:0:1:ffff::2"), 200);
  t.is(await statusFrom("2001:db8:0:1::3"), 429);
  t.is(await statusFrom("2001:db8:0:2::1"), 200);
  await edge.stop();
});

test("without a trusted proxy, X-Forwarded-For counts for nothing", async (t) => {
  const edge = await startEchoEdge({ ratePerMinute: few });
  const statuses: number[] = [];
  for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) {
    const response = await send(edge.url, "GET", "/things", { headers: { "x-forwarded-for": address } });
    statuses.push(response.status);
  }
  t.deepEqual(statuses, [200, 200, 429]);
  await edge.stop();
});

test("only the origins that are allowed may call from a browser", async (t) => {
  const edge = await startEchoEdge({ corsOrigins: ["https://shop.example", "https://admin.example"] });
  const allowed = async (origin: string) =>
    (await send(edge.url, "GET", "/things", { headers: { origin } })).headers.get("access-control-allow-origin");
  t.is(await allowed("https://admin.example"), "https://admin.example");
  t.is(await allowed("https://evil.example"), null);
  await edge.stop();
});

test("what is for development only is not there in production", async (t) => {
  const [development, production] = await Promise.all([startEchoEdge(), startEchoEdge({ production: true })]);
  t.is((await send(development.url, "GET", "/dev/echo")).status, 200);
  t.is((await send(production.url, "GET", "/dev/echo")).status, 404);
  t.is((await send(production.url, "POST", "/echo.v1.EchoService/Develop", { body: {} })).status, 404);
  await Promise.all([development.stop(), production.stop()]);
});

test("the edge says whether it is alive and ready, and shows the metrics that it is given", async (t) => {
  let isReady = true;
  const edge = await startEchoEdge({}, () => isReady);
  t.deepEqual(await (await send(edge.url, "GET", "/healthz")).json(), { status: "ok" });
  t.is((await send(edge.url, "GET", "/readyz")).status, 200);
  isReady = false;
  t.is((await send(edge.url, "GET", "/readyz")).status, 503);
  t.is((await send(edge.url, "GET", "/healthz")).status, 200);
  const metrics = await send(edge.url, "GET", "/metrics");
  t.regex(metrics.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  t.is(await metrics.text(), "up 1\n");
  await edge.stop();
});

test("a port that is taken is told in one line", async (t) => {
  const edge = await startEchoEdge();
  const edgePort = Number(edge.url.port);
  await t.throwsAsync(startEchoEdge({ edgePort }), {
    instanceOf: ConfigError,
    message: `EDGE_PORT: 127.0.0.1:${edgePort} is taken`,
  });
  await edge.stop();
});

test("an edge that stops answers the requests in progress, ends its streams and takes no new ones", async (t) => {
  const edge = await startEchoEdge();
  const stream = await send(edge.url, "GET", "/ticks?count=1&ending=stay", { token: "user-17" });
  const headers = { "x-request-id": "in-progress" };
  const answer = send(edge.url, "PUT", "/call", { body: { wait_ms: 300 }, headers });
  await whenBegun("in-progress");
  const stopped = edge.stop();
  t.is(await stream.text(), 'data: {"number":1,"padding":""}\n\n');
  t.is((await answer).status, 200);
  await stopped;
  await t.throwsAsync(send(edge.url, "GET", "/things"));
});

test("an edge that stops has those who wait for news answered at once", async (t) => {
  const edge = await startEchoEdge();
  const headers = { "x-request-id": "waiting" };
  const answer = send(edge.url, "GET", "/call/news?wait_ms=30000", { headers });
  await whenBegun("waiting");
  const startedAt = performance.now();
  const stopped = edge.stop();
  t.is((await answer).status, 200);
  await stopped;
  t.true(performance.now() - startedAt < 3_000);
});

test("an edge that stops does not wait for a connection that says nothing", async (t) => {
  const edge = await startEchoEdge();
  const socket = connect(Number(edge.url.port), "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(
    "POST /things/search HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
  );
  await send(edge.url, "GET", "/things");
  await edge.stop();
  await closed;
  t.pass();
});
