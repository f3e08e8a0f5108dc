import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import { SessionService } from "../gen/giftmesh/profile/v1/session_service_pb.ts";
import { serviceNames } from "./mesh.ts";
import { Call } from "./platform/rpc/call.ts";
import { Dispatcher } from "./platform/rpc/dispatcher.ts";
import { recordedLog } from "./platform/rpc/testing/log.ts";
import { serveOnly } from "./platform/rpc/testing/serve-only.ts";
import { sqliteEngine } from "./platform/testing/engines.ts";
import { freePorts } from "./platform/testing/free-ports.ts";
import { startTracing } from "./platform/tracing.ts";
import { startServices, type TestProcess } from "./testing/processes.ts";
import { RestClient } from "./testing/rest-client.ts";
import { type ReceivedSpan, TraceReceiver } from "./testing/trace-receiver.ts";

const kinds = { server: 2, client: 3, producer: 4, consumer: 5 };
const withData = serviceNames.filter((name) => name !== "edge");
const password = "a password that nobody sees";

/** The edge in one process and the services in another, both told of the receiver. */
async function startMeshOfTwo(t: ExecutionContext, tracing: (endpoint: string) => Record<string, string>) {
  const engine = sqliteEngine();
  const receiver = new TraceReceiver();
  const [edgePort = 0, grpcPort = 0] = await freePorts(2);
  const address = `127.0.0.1:${grpcPort}`;
  const environment = {
    ...engine.environment,
    ...tracing(await receiver.start()),
    EDGE_PORT: `${edgePort}`,
    GRPC_PORT: `${grpcPort}`,
    ...Object.fromEntries(withData.map((name) => [`${name.toUpperCase().replaceAll("-", "_")}_ADDR`, address])),
  };
  const processes: TestProcess[] = [];
  const stop = async () => {
    for (const one of processes.splice(0).reverse()) await one.end();
  };
  t.teardown(async () => {
    await stop();
    receiver.stop();
    await engine.remove();
  });
  processes.push(await startServices(withData, environment));
  processes.push(await startServices(["edge"], environment));
  return { client: new RestClient(`http://127.0.0.1:${edgePort}`), receiver, stop };
}

function attributesOf({ attributes }: ReceivedSpan): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}

test("a request, the calls and the events that it leads to are one trace, its client's, across processes", async (t) => {
  const { client, receiver } = await startMeshOfTwo(t, (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }));
  const traceId = randomBytes(16).toString("hex");
  const clientsSpanId = randomBytes(8).toString("hex");
  const headers = { traceparent: `00-${traceId}-${clientsSpanId}-01` };

  const { status } = await client.post("/auth/register", { username: "traced-user", password }, headers);

  t.is(status, 201);
  const subject = "giftmesh.profile.user-registered";
  const spanOf = (name: string, kind: number) =>
    receiver.span((span) => span.traceId === traceId && span.name === name && span.kind === kind);
  const request = await spanOf("POST /auth/register", kinds.server);
  const called = await spanOf("giftmesh.profile.v1.AuthService/Register", kinds.client);
  const answered = await spanOf("giftmesh.profile.v1.AuthService/Register", kinds.server);
  const sent = await spanOf(`send ${subject}`, kinds.producer);
  const handled = await spanOf(`process ${subject}`, kinds.consumer);

  const chain = [request, called, answered, sent, handled];
  t.deepEqual(
    chain.map(({ parentSpanId }) => parentSpanId),
    [clientsSpanId, ...chain.slice(0, -1).map(({ spanId }) => spanId)],
  );
  t.deepEqual(
    chain.map(({ service }) => service),
    ["edge", "edge", "giftmesh", "giftmesh", "giftmesh"],
  );
  t.like(attributesOf(request), {
    "http.request.method": "POST",
    "http.route": "/auth/register",
    "http.response.status_code": 201,
  });
  const rpc = { "rpc.system": "grpc", "rpc.service": "giftmesh.profile.v1.AuthService", "rpc.method": "Register" };
  t.like(attributesOf(called), rpc);
  t.like(attributesOf(answered), rpc);
  t.like(attributesOf(sent), { "messaging.destination.name": subject, "messaging.operation.type": "send" });
  t.like(attributesOf(handled), {
    "messaging.destination.name": subject,
    "messaging.operation.type": "process",
    "messaging.consumer.group.name": "wallet-open",
  });
  t.notRegex(JSON.stringify(receiver.spans), /traced-user|nobody sees/);
});

test("spans that are waiting to leave are sent when the process stops, and say why a call was refused", async (t) => {
  const { client, receiver, stop } = await startMeshOfTwo(t, (OTEL_EXPORTER_OTLP_ENDPOINT) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT,
  }));

  await client.post("/auth/login", { username: "nobody", password });
  await client.get("/healthz");
  await stop();

  const request = receiver.spans.find(({ name }) => name === "POST /auth/login");
  const login = receiver.spans.filter(({ name }) => name === "giftmesh.profile.v1.AuthService/Login");
  t.is(request && attributesOf(request)["http.response.status_code"], 401);
  t.is(login.length, 2);
  for (const span of login) {
    t.is(span.traceId, request?.traceId ?? "");
    t.regex(String(attributesOf(span)["error.type"]), /^[A-Z_]+$/);
  }
  t.false(receiver.spans.some(({ name }) => name.includes("healthz")));
});

test("a stream of answers is a span too, which ends when nobody reads on or with why it broke", async (t) => {
  const receiver = new TraceReceiver();
  const { log } = recordedLog();
  const stopTracing = await startTracing(await receiver.start(), "test", log);
  const dispatcher = new Dispatcher({ log });
  const watchEndedSessions = async function* () {
    yield {};
    throw new Error("The session store is away");
  };
  dispatcher.add(serveOnly(SessionService, { watchEndedSessions }));

  const method = SessionService.method.watchEndedSessions;
  const watch = () => dispatcher.stream(method, create(method.input), new Call({ requestId: "r-1" }));
  for await (const _answer of watch()) break;
  await t.throwsAsync(async () => {
    for await (const _answer of watch());
  });
  await stopTracing();
  receiver.stop();

  t.deepEqual(
    receiver.spans.map((span) => [span.name, span.kind, attributesOf(span)["error.type"]]),
    [
      ["giftmesh.profile.v1.SessionService/WatchEndedSessions", kinds.server, undefined],
      ["giftmesh.profile.v1.SessionService/WatchEndedSessions", kinds.server, "INTERNAL"],
    ],
  );
});

test("no span leaves where no endpoint is set", async (t) => {
  const { client, receiver, stop } = await startMeshOfTwo(t, (endpoint) => ({
    // The library would follow it, were it loaded.
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces`,
  }));

  const { status } = await client.post("/auth/register", { username: "untraced-user", password });
  await stop();

  t.is(status, 201);
  t.deepEqual(receiver.spans, []);
});
