import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import test from "ava";
import { createHttpServer } from "./http-server.ts";
import { createLog, startEchoEdge } from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

/** Sends these bytes, and answers all that comes until the other side closes the connection. */
async function exchange(text: string, port = Number(edge.url.port)): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.on("data", (data) => {
    received += data;
  });
  socket.write(text);
  await once(socket, "close");
  return received;
}

function parse(answer: string) {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const [start = "", ...lines] = head.split("\r\n");
  const headers = new Headers(lines.map((line) => line.split(": ") as [string, string]));
  return { status: Number(start.split(" ")[1]), headers, body: JSON.parse(body), length: Buffer.byteLength(body) };
}

const post = "POST /things/search HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";

for (const { title, text, status, code } of [
  { title: "what is not HTTP at all", text: "NONSENSE\r\n\r\n", status: 400, code: "MALFORMED_REQUEST" },
  { title: "TLS", text: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", status: 400, code: "MALFORMED_REQUEST" },
  {
    title: "a method that there is not",
    text: "FETCH /things HTTP/1.1\r\nhost: a\r\n\r\n",
    status: 400,
    code: "MALFORMED_REQUEST",
  },
  {
    title: "a request without a host",
    text: "GET /things HTTP/1.1\r\n\r\n",
    status: 400,
    code: "MALFORMED_REQUEST",
  },
  {
    title: "a chunk without its length",
    text: `${post}transfer-encoding: chunked\r\n\r\nzz\r\n`,
    status: 400,
    code: "MALFORMED_REQUEST",
  },
  {
    title: "two lengths",
    text: `${post}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
    status: 400,
    code: "MALFORMED_REQUEST",
  },
  {
    title: "headers of 20 KB",
    text: `GET /things HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(20_000)}\r\n\r\n`,
    status: 431,
    code: "HEADERS_TOO_LARGE",
  },
  {
    title: "a URL of 20 KB",
    text: `GET /things?${"a".repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    status: 431,
    code: "HEADERS_TOO_LARGE",
  },
  {
    title: "an expectation that nobody knows",
    text: "GET /things HTTP/1.1\r\nhost: a\r\nexpect: gold\r\n\r\n",
    status: 417,
    code: "EXPECTATION_FAILED",
  },
]) {
  test(`${title} is ${status} ${code} in the envelope, and the connection is closed`, async (t) => {
    const answer = parse(await exchange(text));
    t.is(answer.status, status);
    t.is(answer.headers.get("content-type"), "application/json; charset=utf-8");
    t.is(answer.headers.get("content-length"), String(answer.length));
    t.is(answer.headers.get("connection"), "close");
    t.is(answer.headers.get("cache-control"), "no-store");
    t.like(answer.body, { success: false, code, request_id: answer.headers.get("x-request-id") });
    t.is(typeof answer.body.message, "string");
    t.true(edge.lines.some((line) => line.requestId === answer.body.request_id && line.status === status));
  });
}

test("a request that can be read keeps its id where HTTP is broken otherwise", async (t) => {
  const request = "GET /things HTTP/1.1\r\nhost: a\r\nexpect: gold\r\nx-request-id: mine\r\n\r\n";
  t.is(parse(await exchange(request)).body.request_id, "mine");
});

test("HTTP/1.0 has no hosts", async (t) => {
  t.is(parse(await exchange("GET /things HTTP/1.0\r\n\r\n")).status, 200);
});

test("what can be expected is granted", async (t) => {
  const answer = await exchange(`${post}connection: close\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}`);
  t.regex(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
});

test("a request that takes too long to arrive is 408 REQUEST_TIMEOUT", async (t) => {
  const server = createHttpServer(() => {}, createLog().log);
  server.requestTimeout = 100;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const answer = parse(await exchange("GET /things HTTP/1.1\r\nhos", (server.address() as AddressInfo).port));
  t.is(answer.status, 408);
  t.like(answer.body, { success: false, code: "REQUEST_TIMEOUT" });
  server.close();
});

test("nothing is written into an answer that is on its way", async (t) => {
  const stream = "GET /ticks?count=1&ending=stay HTTP/1.1\r\nhost: a\r\nauthorization: Bearer user-17\r\n\r\n";
  const socket = connect(Number(edge.url.port), "127.0.0.1");
  let received = "";
  socket.on("data", (data) => {
    // The first of it: the stream has begun.
    if (received === "") socket.write("NONSENSE\r\n\r\n");
    received += data;
  });
  socket.write(stream);
  await once(socket, "close");
  t.is(received.match(/HTTP\/1\.1/g)?.length, 1);
  t.regex(received, /^HTTP\/1\.1 200 OK/);
});

test("what comes after a whole request is not taken for the answer to it", async (t) => {
  const call = "PUT /call HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
  const body = '{"wait_ms":100}';
  t.is(await exchange(`${call}content-length: ${body.length}\r\n\r\n${body}NONSENSE\r\n\r\n`), "");
});
