import { create, type DescMethodServerStreaming, type DescMethodUnary, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import test from "ava";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { echoRegistry, send, startEchoEdge, whenCancelled } from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

const baseUrl = edge.url.href;
const transports: Readonly<Record<string, Transport>> = {
  "Connect JSON": createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect binary": createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "gRPC-Web": createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
};

type Fields = Readonly<Record<string, unknown>>;

interface CallOptions {
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

function methodNamed(name: string, service = "EchoService") {
  const method = echoRegistry.getService(`echo.v1.${service}`)?.methods.find((one) => one.name === name);
  if (!method) throw new Error(`No method ${name}`);
  return method;
}

function headersOf({ token, headers }: CallOptions): Record<string, string> {
  return { ...headers, ...(token && { authorization: `Bearer ${token}` }) };
}

async function unary(transport: Transport, name: string, request: Fields, options: CallOptions = {}, service?: string) {
  const method = methodNamed(name, service) as DescMethodUnary;
  const input = create(method.input, request as Message);
  const { signal, timeoutMs } = options;
  const { message, header } = await transport.unary(method, signal, timeoutMs, headersOf(options), input);
  return { message: message as Message & Fields, header };
}

async function* watch(transport: Transport, request: Fields, options: CallOptions): AsyncGenerator<Fields> {
  const method = methodNamed("Watch") as DescMethodServerStreaming;
  async function* input() {
    yield create(method.input, request as Message);
  }
  const response = await transport.stream(method, options.signal, undefined, headersOf(options), input());
  for await (const message of response.message) yield message as Message & Fields;
}

for (const [protocol, transport] of Object.entries(transports)) {
  test(`${protocol}: a call is answered with the response itself`, async (t) => {
    const request = { id: 17n, amount: "5.00", everything: { big: 9_007_199_254_740_991n, kind: 2, tags: ["a"] } };
    const { message, header } = await unary(transport, "Echo", request, { headers: { "x-request-id": "mine" } });
    t.like(message.everything, { id: 17n, text: "5.00", big: 9_007_199_254_740_991n, kind: 2, tags: ["a"] });
    t.is(header.get("x-request-id"), "mine");
  });

  test(`${protocol}: the handler knows who calls, from where, with which key and for how long`, async (t) => {
    const headers = { "Idempotency-Key": "a key" };
    const { message } = await unary(transport, "Describe", {}, { token: "user-12", headers, timeoutMs: 20_000 });
    t.like(message, { caller: { userId: 12n, address: "127.0.0.1" }, idempotencyKey: "a key" });
    t.true((message.remainingMs as bigint) > 10_000n && (message.remainingMs as bigint) <= 20_000n);
  });

  test(`${protocol}: a call is given 10 s, and never more than 30`, async (t) => {
    const { message } = await unary(transport, "Describe", {});
    t.true((message.remainingMs as bigint) <= 10_000n);
    const { message: patient } = await unary(transport, "Describe", {}, { timeoutMs: 3_600_000 });
    t.true((patient.remainingMs as bigint) > 20_000n && (patient.remainingMs as bigint) <= 30_000n);
  });

  test(`${protocol}: a call that waits for news is given as long as its RPC says`, async (t) => {
    const { message } = await unary(transport, "Await", {});
    t.true((message.remainingMs as bigint) > 38_000n && (message.remainingMs as bigint) <= 40_000n);
    const { message: hasty } = await unary(transport, "Await", {}, { timeoutMs: 5_000 });
    t.true((hasty.remainingMs as bigint) <= 5_000n);
    const { message: patient } = await unary(transport, "Await", {}, { timeoutMs: 3_600_000 });
    t.true((patient.remainingMs as bigint) > 38_000n && (patient.remainingMs as bigint) <= 40_000n);
  });

  test(`${protocol}: a refusal has the code and the details that gRPC has`, async (t) => {
    const invalid = await failureOf(unary(transport, "Fail", { how: "invalid" }));
    t.is(invalid.code, Code.InvalidArgument);
    t.is(invalid.rawMessage, "Refused, for a test");
    t.like(invalid.findDetails(ErrorInfoSchema)[0], { reason: "TEST_REFUSAL", domain: "giftmesh" });
    t.like(invalid.findDetails(BadRequestSchema)[0]?.fieldViolations, [
      { field: "items.0.name", description: "Bad." },
      { field: "items.0.name", description: "Too bad." },
      { field: "how", description: "Wrong." },
    ]);
    const unavailable = await failureOf(unary(transport, "Fail", { how: "unavailable" }));
    t.is(unavailable.code, Code.Unavailable);
    t.like(unavailable.findDetails(RetryInfoSchema)[0]?.retryDelay, { seconds: 6n, nanos: 500_000_000 });
    t.is(unavailable.metadata.get("retry-after"), "7");
  });

  for (const [how, code] of [
    ["unauthenticated", Code.Unauthenticated],
    ["forbidden", Code.PermissionDenied],
    ["not_found", Code.NotFound],
    ["rule", Code.FailedPrecondition],
    ["conflict", Code.Aborted],
    ["too_many", Code.ResourceExhausted],
    ["by surprise", Code.Internal],
  ] as const) {
    test(`${protocol}: a refusal that is ${how} is ${Code[code]}`, async (t) => {
      const error = await failureOf(unary(transport, "Fail", { how }));
      t.is(error.code, code);
      const [info] = error.findDetails(ErrorInfoSchema);
      t.is(info?.reason, how === "by surprise" ? "INTERNAL" : "TEST_REFUSAL");
      if (how === "conflict") t.is(info?.metadata.request_id, "the-first-request");
    });
  }

  test(`${protocol}: tokens and access rules hold`, async (t) => {
    const clear = (memberId: string, token?: string) =>
      failureOf(unary(transport, "Clear", { memberId }, token ? { token } : {}));
    t.is((await clear("me")).code, Code.Unauthenticated);
    t.is((await clear("me", "bad")).code, Code.Unauthenticated);
    t.is((await clear("me", "vendor-1")).code, Code.PermissionDenied);
    t.is((await clear("18", "user-17")).code, Code.NotFound);
    await t.notThrowsAsync(unary(transport, "Clear", { memberId: "me" }, { token: "user-17" }));
  });

  test(`${protocol}: a bad Idempotency-Key is refused`, async (t) => {
    const error = await failureOf(unary(transport, "Describe", {}, { headers: { "Idempotency-Key": "" } }));
    t.is(error.code, Code.InvalidArgument);
    t.is(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field, "Idempotency-Key");
  });

  test(`${protocol}: a stream has its messages and then its end`, async (t) => {
    const numbers: unknown[] = [];
    for await (const { tick } of watch(transport, { count: 3 }, { token: "user-17" })) {
      numbers.push((tick as Fields).number);
    }
    t.deepEqual(numbers, [1, 2, 3]);
  });

  test(`${protocol}: a stream may be refused at its start and on the way`, async (t) => {
    t.is((await failureOf(watch(transport, { count: 1 }, {}).next())).code, Code.Unauthenticated);

    const ticks = watch(transport, { count: 1, ending: "refuse" }, { token: "user-17" });
    t.like((await ticks.next()).value, { tick: { number: 1 } });
    const error = await failureOf(ticks.next());
    t.is(error.code, Code.FailedPrecondition);
    t.is(error.findDetails(ErrorInfoSchema)[0]?.reason, "TICKED_OUT");
  });

  test(`${protocol}: a stream's call is cancelled when its client goes away`, async (t) => {
    const gone = new AbortController();
    const headers = { "x-request-id": protocol.replace(" ", "-") };
    const ticks = watch(transport, { count: 1, ending: "stay" }, { token: "user-17", headers, signal: gone.signal });
    await ticks.next();
    gone.abort();
    await whenCancelled(headers["x-request-id"]);
    t.pass();
  });

  test(`${protocol}: internal services are not there`, async (t) => {
    const error = await failureOf(unary(transport, "Hide", {}, { token: "super_admin-1" }, "InternalService"));
    t.is(error.code, Code.Unimplemented);
  });

  test(`${protocol}: a body over 1 MB is refused`, async (t) => {
    const error = await failureOf(unary(transport, "Fail", { how: "a".repeat(1_100_000) }));
    t.true(error.code === Code.ResourceExhausted || error.code === Code.FailedPrecondition);
  });
}

test("Connect JSON is read as leniently as REST bodies are, and answered as proto JSON", async (t) => {
  const response = await send(edge.url, "POST", "/echo.v1.EchoService/Echo", {
    body: '{"id": 17, "amount": 12345678901234567890.5, "everything": {"kind": "big_thing", "startsAt": "2025-01-01"}}',
  });
  t.is(response.status, 200);
  t.deepEqual(await response.json(), {
    everything: {
      id: "17",
      text: "12345678901234567890.5",
      kind: "KIND_BIG_THING",
      startsAt: "2025-01-01T00:00:00Z",
    },
  });
});

test("Connect JSON tells every field that is wrong", async (t) => {
  const body = { how: [], unknown: 1 };
  const response = await send(edge.url, "POST", "/echo.v1.EchoService/Fail", { body });
  t.is(response.status, 400);
  t.like(await response.json(), { code: "invalid_argument", message: "Validation error" });
});

test("Connect JSON that is not JSON is refused", async (t) => {
  const response = await send(edge.url, "POST", "/echo.v1.EchoService/Fail", { body: "{" });
  t.is(response.status, 400);
  t.like(await response.json(), { message: "The body is not valid JSON" });
});

for (const timeout of ["", "x", "-1", "99999999999"]) {
  test(`Connect-Timeout-Ms "${timeout}" is refused`, async (t) => {
    const headers = { "Connect-Timeout-Ms": timeout };
    const response = await send(edge.url, "POST", "/echo.v1.EchoService/Describe", { body: {}, headers });
    t.is(response.status, 400);
    t.like(await response.json(), { code: "invalid_argument" });
  });
}

test("a compressed Connect call is taken too", async (t) => {
  const compressed = new Blob(["{}"]).stream().pipeThrough(new CompressionStream("gzip"));
  const body = await new Response(compressed).arrayBuffer();
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const response = await send(edge.url, "POST", "/echo.v1.EchoService/Describe", { body, headers });
  t.is(response.status, 200);
});

async function failureOf(answer: Promise<unknown>): Promise<ConnectError> {
  try {
    await answer;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("The call was not refused");
}
