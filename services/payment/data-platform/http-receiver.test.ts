import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import { startDataPlatform } from "../../data-platform-simulator/data-platform.ts";
import type { Delivery } from "./delivery.ts";
import { HttpReceiver, type HttpReceiverOptions } from "./http-receiver.ts";
import { bodyOf } from "./order-json.ts";
import { entryOf, secret as secretText } from "./testing/shop.ts";

const secret = Buffer.from(secretText.slice("whsec_".length), "base64");

function delivery(orderId = 17): Delivery {
  const entry = entryOf({ orderId, userId: 3 });
  return {
    place: 1n,
    type: entry.type,
    orderId: BigInt(orderId),
    userId: 3n,
    body: bodyOf(entry),
    occurredAt: entry.occurredAt,
    attempts: 0,
    error: "",
  };
}

/** A platform that answers as the test has it, until the test ends. */
async function serve(t: ExecutionContext, handle: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

function receiver(t: ExecutionContext, url: string, options: Partial<HttpReceiverOptions> = {}): HttpReceiver {
  const made = new HttpReceiver({ url, secret, ...options });
  t.teardown(() => made.abandon());
  return made;
}

/** Reads a request to its end, then answers it. */
function answering(status: number, text = "", headers: Record<string, string> = {}): RequestListener {
  return async (request: IncomingMessage, response: ServerResponse) => {
    await buffer(request);
    response.writeHead(status, headers).end(text);
  };
}

test("a platform that checks signatures takes a delivery, once by its id", async (t) => {
  const platform = await startDataPlatform({ port: 0, secret: secretText });
  t.teardown(() => platform.stop());
  const http = receiver(t, platform.url);
  t.deepEqual(await http.take(delivery()), { kind: "taken" });
  t.deepEqual(await http.take(delivery()), { kind: "taken" });
  t.like(platform.events, { 0: { id: "order-17-paid", type: "order.paid", repeats: 1 }, length: 1 });
});

test("a delivery that is signed with another secret is refused", async (t) => {
  const platform = await startDataPlatform({ port: 0, secret: secretText });
  t.teardown(() => platform.stop());
  const answer = await receiver(t, platform.url, { secret: Buffer.alloc(24) }).take(delivery());
  t.like(answer, { kind: "refused" });
  t.is(platform.events.length, 0);
});

for (const status of [200, 201, 202, 204, 299]) {
  test(`${status} takes a delivery`, async (t) => {
    const { url } = await serve(t, answering(status));
    t.deepEqual(await receiver(t, url).take(delivery()), { kind: "taken" });
  });
}

for (const status of [300, 400, 401, 404, 408, 410, 413, 500, 501]) {
  test(`${status} refuses a delivery, and its error says why`, async (t) => {
    const { url } = await serve(t, answering(status, "because"));
    t.deepEqual(await receiver(t, url).take(delivery()), { kind: "refused", error: `${status} because` });
  });
}

for (const status of [429, 502, 503, 504]) {
  test(`${status} says that the platform takes nothing now`, async (t) => {
    const { url } = await serve(t, answering(status, "later"));
    t.deepEqual(await receiver(t, url).take(delivery()), { kind: "overloaded", error: `${status} later` });
  });
}

test("a redirect is not followed", async (t) => {
  let elsewhere = 0;
  const other = await serve(t, (_, response) => {
    elsewhere++;
    response.end();
  });
  const { url } = await serve(t, answering(307, "", { location: other.url }));
  t.like(await receiver(t, url).take(delivery()), { kind: "refused", error: "307" });
  t.is(elsewhere, 0);
});

test("of an answer that does not end, the first KiB is read", async (t) => {
  const { url } = await serve(t, (_, response) => {
    response.writeHead(500);
    response.write("x".repeat(100_000));
  });
  t.deepEqual(await receiver(t, url).take(delivery()), { kind: "refused", error: `500 ${"x".repeat(1_024)}` });
});

test("a delivery is taken though the rest of the answer does not come", async (t) => {
  const { url } = await serve(t, (_, response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("half");
    setImmediate(() => response.destroy());
  });
  t.deepEqual(await receiver(t, url).take(delivery()), { kind: "taken" });
});

test("a platform that nobody reaches says nothing of a delivery", async (t) => {
  const { server, url } = await serve(t, answering(204));
  server.close();
  await once(server, "close");
  const answer = await receiver(t, url).take(delivery());
  t.is(answer.kind, "unreachable");
  t.regex("error" in answer ? answer.error : "", /ECONNREFUSED/);
});

test("a host without an address is one that nobody reaches", async (t) => {
  t.is((await receiver(t, "http://nowhere.invalid/").take(delivery())).kind, "unreachable");
});

test("a server that does not speak TLS where it should is one that nobody reaches", async (t) => {
  const { url } = await serve(t, answering(204));
  t.is((await receiver(t, url.replace("http:", "https:")).take(delivery())).kind, "unreachable");
});

test("an answer that does not come in time counts against the delivery", async (t) => {
  const { url } = await serve(t, () => undefined);
  t.deepEqual(await receiver(t, url, { patienceMs: 1_500 }).take(delivery()), {
    kind: "overloaded",
    error: "no answer within 1.5 s",
  });
});

test("so does a connection that breaks before the answer", async (t) => {
  const { url } = await serve(t, (request) => request.socket.destroy());
  t.is((await receiver(t, url).take(delivery())).kind, "overloaded");
});

test("so does an answer that asks for another protocol, with which Node ends a request without an error", async (t) => {
  const { url } = await serve(t, ({ socket }) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  });
  t.is((await receiver(t, url, { patienceMs: 1_500 }).take(delivery())).kind, "overloaded");
});

test("a connection that was kept, and closed by the platform meanwhile, costs nothing", async (t) => {
  let requests = 0;
  const { url } = await serve(t, async (request, response) => {
    // Every second request on a connection finds it closed.
    const { socket } = request as { socket: IncomingMessage["socket"] & { used?: boolean } };
    if (socket.used) return socket.resetAndDestroy();
    socket.used = true;
    await buffer(request);
    requests++;
    return response.writeHead(204).end();
  });
  const http = receiver(t, url);
  for (let time = 0; time < 4; time++) t.deepEqual(await http.take(delivery()), { kind: "taken" });
  t.is(requests, 4);
});

test("deliveries share connections", async (t) => {
  let connections = 0;
  const { server, url } = await serve(t, answering(204));
  server.on("connection", () => connections++);
  const http = receiver(t, url);
  for (let time = 0; time < 10; time++) await http.take(delivery(time + 1));
  t.is(connections, 1);
});

test("a user and password of the URL are sent as Basic authentication, and nowhere else", async (t) => {
  let seen: Record<string, unknown> = {};
  const { url } = await serve(t, async (request, response) => {
    seen = { authorization: request.headers.authorization, path: request.url };
    await buffer(request);
    response.end();
  });
  const withUser = url.replace("//", "//us%40er:pa%3Ass@").concat("orders?x=1");
  t.deepEqual(await receiver(t, withUser).take(delivery()), { kind: "taken" });
  t.deepEqual(seen, { authorization: `Basic ${btoa("us@er:pa:ss")}`, path: "/orders?x=1" });
});

test("an attempt that is abandoned says nothing of the delivery", async (t) => {
  const { server, url } = await serve(t, () => undefined);
  const http = receiver(t, url);
  const taking = http.take(delivery());
  await once(server, "request");
  http.abandon();
  t.is((await taking).kind, "unreachable");
});
