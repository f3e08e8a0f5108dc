import { create } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import test from "ava";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { MailboxService } from "../../../gen/giftmesh/notification/v1/mailbox_service_pb.ts";
import { SessionService } from "../../../gen/giftmesh/profile/v1/session_service_pb.ts";
import { LedgerService, type TransferRequest } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { ConfigError } from "../config.ts";
import { InvalidFields, Refusal, type RefusalKind, Unavailable } from "../refusal.ts";
import { Call } from "./call.ts";
import { Dispatcher } from "./dispatcher.ts";
import { MeshClients } from "./mesh-clients.ts";
import { failureOfCall, visible } from "./testing/failure.ts";
import { echo, serveTransfers, transferRequest } from "./testing/ledger.ts";
import { recordedLog } from "./testing/log.ts";
import { clientsOf, startProcess } from "./testing/mesh.ts";
import { serveOnly } from "./testing/serve-only.ts";

const call = () => new Call({ requestId: "r-1" });

test("a call to another process is answered as one in this process", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)]);
  const remote = clientsOf(t, { wallet: address }).of(LedgerService);
  const request = transferRequest({ id: "a", reference: "é" });
  const local = localClients(serveTransfers(echo)).of(LedgerService);
  t.deepEqual(await remote.transfer(request, call()), await local.transfer(request, call()));
});

const kinds: readonly RefusalKind[] = ["unauthenticated", "forbidden", "not_found", "rule", "conflict", "too_many"];

const failures: Readonly<Record<string, () => Error>> = {
  ...Object.fromEntries(
    kinds.map((kind) => [kind, () => new Refusal(kind, { reason: "SOME_REASON", message: "So it is: 100 % é" })]),
  ),
  // To come again only after the deadline, so not tried again.
  unavailable: () => new Unavailable("Later, please", 60),
  "invalid fields": () => new InvalidFields([{ field: "items.0.quantity", description: "Too few." }]),
  "a refusal with everything": () =>
    new Refusal("too_many", { reason: "SLOW", message: "Slow down", retryAfterSeconds: 30, requestId: "first" }),
  "an unexpected error": () => new Error("secret"),
};

for (const [name, make] of Object.entries(failures)) {
  test(`a caller sees the same of ${name}, from this process and from another`, async (t) => {
    const served = serveTransfers(() => Promise.reject(make()));
    const { address } = await startProcess(t, [served]);
    const remote = await failureOfCall(
      clientsOf(t, { wallet: address }).of(LedgerService).transfer(transferRequest(), call()),
    );
    const local = await failureOfCall(localClients(served).of(LedgerService).transfer(transferRequest(), call()));
    t.deepEqual(visible(remote), visible(local));
  });
}

test("a rule of the proto is held where the service is, and its fields come back", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)]);
  const request = transferRequest({ id: "a", reference: "x".repeat(101) });
  const failure = await failureOfCall(clientsOf(t, { wallet: address }).of(LedgerService).transfer(request, call()));
  t.like(visible(failure), {
    kind: "invalid",
    fields: [{ field: "reference", description: "The reference must be at most 100 characters." }],
  });
});

test("an unexpected error is logged where it happened, under the request's id", async (t) => {
  const { address, lines } = await startProcess(t, [serveTransfers(() => Promise.reject(new Error("secret")))]);
  const clients = clientsOf(t, { wallet: address });
  await failureOfCall(clients.of(LedgerService).transfer(transferRequest(), call()));
  t.is(lines.length, 1);
  t.like(lines[0], { requestId: "r-1", err: { message: "secret" } });
  t.deepEqual(clients.lines, []);
});

test("who calls, the request's id, the idempotency key and the deadline go along", async (t) => {
  let seen: Call | undefined;
  const { address } = await startProcess(t, [
    serveTransfers(async (request, own) => {
      seen = own;
      return echo(request, own);
    }),
  ]);
  const caller = create(CallerSchema, { userId: 7n, role: Role.USER, username: "sara", address: "10.0.0.1" });
  const deadline = Date.now() + 5_000;
  const own = new Call({ requestId: "r-7", idempotencyKey: "key 1", caller, deadline });
  await clientsOf(t, { wallet: address }).of(LedgerService).transfer(transferRequest(), own);
  t.like(seen, { requestId: "r-7", idempotencyKey: "key 1" });
  t.deepEqual(seen?.caller, caller);
  t.true(Math.abs((seen?.deadline ?? 0) - deadline) < 1_000);
});

test("a call is refused at its deadline, and the handler told", async (t) => {
  const told = Promise.withResolvers<void>();
  const { address } = await startProcess(t, [
    serveTransfers(async (_, { requestId, signal }) => {
      if (requestId === "first") return {};
      signal.addEventListener("abort", () => told.resolve());
      return new Promise(() => undefined);
    }),
  ]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  // The deadline is not to pass before there is a connection.
  await ledger.transfer(transferRequest(), new Call({ requestId: "first" }));
  const short = new Call({ requestId: "r", deadline: Date.now() + 1_000 });
  const failure = await failureOfCall(ledger.transfer(transferRequest(), short));
  t.like(visible(failure), { kind: "unavailable" });
  await t.notThrowsAsync(told.promise);
});

test("a handler is told that its caller went away", async (t) => {
  const started = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  const { address } = await startProcess(t, [
    serveTransfers((_, { cancelled }) => {
      cancelled?.addEventListener("abort", () => told.resolve());
      started.resolve();
      return new Promise(() => undefined);
    }),
  ]);
  const leaving = new AbortController();
  const own = new Call({ requestId: "r", cancelled: leaving.signal });
  const failure = failureOfCall(clientsOf(t, { wallet: address }).of(LedgerService).transfer(transferRequest(), own));
  await started.promise;
  leaving.abort();
  t.like(visible(await failure), { kind: "unavailable" });
  await t.notThrowsAsync(told.promise);
});

test("a stream is read across processes until the reader stops, and then ends there too", async (t) => {
  const ended = Promise.withResolvers<void>();
  const { address } = await startProcess(t, [
    serveOnly(SessionService, {
      async *watchEndedSessions(_, { signal }) {
        try {
          for (let id = 1n; !signal.aborted; id++) {
            yield { sessionIds: [id] };
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          ended.resolve();
        }
      },
    }),
  ]);
  const own = new Call({ requestId: "r", deadline: Number.POSITIVE_INFINITY });
  const seen: bigint[] = [];
  for await (const { sessionIds } of clientsOf(t, { profile: address })
    .of(SessionService)
    .watchEndedSessions({}, own)) {
    seen.push(...sessionIds);
    if (seen.length >= 100) break;
  }
  t.deepEqual(seen.slice(0, 3), [1n, 2n, 3n]);
  await t.notThrowsAsync(ended.promise);
});

test("a stream that is refused throws as a call does", async (t) => {
  const refusal = new Refusal("rule", { reason: "NO_MORE", message: "No more" });
  const { address } = await startProcess(t, [
    serveOnly(SessionService, {
      async *watchEndedSessions() {
        yield { sessionIds: [1n] };
        throw refusal;
      },
    }),
  ]);
  const stream = clientsOf(t, { profile: address }).of(SessionService).watchEndedSessions({}, call());
  const reader = stream[Symbol.asyncIterator]();
  t.like(await reader.next(), { value: { sessionIds: [1n] } });
  t.deepEqual(visible(await failureOfCall(reader.next())), visible(refusal));
});

test("bytes that are no message of the RPC are refused, not an internal error", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)]);
  const error = await rawCall(t, address, Buffer.from([0xff, 0xff, 0xff]), new Metadata());
  t.is(error?.code, status.INVALID_ARGUMENT);
  t.is(error?.details, "The request is not a giftmesh.wallet.v1.TransferRequest");
});

test("a caller that is no Caller, and an idempotency key over 255 characters, are refused", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)]);
  const badCaller = new Metadata();
  badCaller.set("caller-bin", Buffer.from([0xff]));
  t.is((await rawCall(t, address, Buffer.alloc(0), badCaller))?.code, status.UNAUTHENTICATED);
  const longKey = new Metadata();
  longKey.set("idempotency-key", "x".repeat(256));
  t.is((await rawCall(t, address, Buffer.alloc(0), longKey))?.code, status.INVALID_ARGUMENT);
});

test("a request over 8 MB is refused by the transport", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)]);
  const error = await rawCall(t, address, Buffer.alloc(8 * 1024 * 1024 + 1), new Metadata());
  t.is(error?.code, status.RESOURCE_EXHAUSTED);
});

test("an RPC that the other side does not serve is an internal error, and logged", async (t) => {
  const { address } = await startProcess(t, []);
  const clients = clientsOf(t, { wallet: address });
  const failure = await failureOfCall(clients.of(LedgerService).transfer(transferRequest(), call()));
  t.like(visible(failure), { name: "InternalError" });
  t.is(clients.lines.length, 1);
});

test("what is for development only is not served in production", async (t) => {
  const mailbox = serveOnly(MailboxService, { listMessages: async () => ({}) });
  for (const production of [false, true]) {
    const { address } = await startProcess(t, [mailbox], { production });
    const answer = clientsOf(t, { notification: address }).of(MailboxService).listMessages({}, call());
    if (production) t.like(visible(await failureOfCall(answer)), { name: "InternalError" });
    else await t.notThrowsAsync(answer);
  }
});

test("a service without an address is unavailable, and the log names the setting", async (t) => {
  const clients = clientsOf(t, {});
  const failure = await failureOfCall(clients.of(LedgerService).transfer(transferRequest(), call()));
  t.like(visible(failure), { kind: "unavailable" });
  t.like(clients.lines[0], { setting: "WALLET_ADDR" });
});

test("a port that is taken stops the start with one line that names it", async (t) => {
  const { server } = await startProcess(t, []);
  await t.throwsAsync(startProcess(t, [], { grpcPort: server.port }), {
    instanceOf: ConfigError,
    message: `GRPC_PORT: cannot listen on 127.0.0.1:${server.port} (EADDRINUSE)`,
  });
});

test("a server that stops lets calls end, takes no more, and ends streams", async (t) => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const { server, address } = await startProcess(t, [
    serveTransfers(async (request: TransferRequest, own) => {
      started.resolve();
      await finish.promise;
      return echo(request, own);
    }),
    serveOnly(SessionService, {
      async *watchEndedSessions(_, { signal }) {
        yield {};
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    }),
  ]);
  const clients = clientsOf(t, { wallet: address, profile: address });
  const inProgress = clients.of(LedgerService).transfer(transferRequest({ id: "a" }), call());
  const reader = clients.of(SessionService).watchEndedSessions({}, call())[Symbol.asyncIterator]();
  await Promise.all([started.promise, reader.next()]);

  const stopped = server.stop();
  t.like(visible(await failureOfCall(reader.next())), { kind: "unavailable" });
  const late = clientsOf(t, { wallet: address }).of(LedgerService);
  const soon = new Call({ requestId: "r", deadline: Date.now() + 200 });
  t.like(visible(await failureOfCall(late.transfer(transferRequest(), soon))), { kind: "unavailable" });
  finish.resolve();
  t.like(await inProgress, { transfer: { id: "a" } });
  await t.notThrowsAsync(stopped);
});

function localClients(served: Parameters<Dispatcher["add"]>[0]): MeshClients {
  const { log } = recordedLog();
  const dispatcher = new Dispatcher({ log });
  dispatcher.add(served);
  return new MeshClients({ config: { addresses: {}, grpcTls: undefined }, dispatcher, log });
}

/** Sends bytes as they are to Transfer; what it failed with. */
function rawCall(
  t: { teardown(end: () => void): void },
  address: string,
  request: Buffer,
  metadata: Metadata,
): Promise<ServiceError | null> {
  const client = new Client(address, credentials.createInsecure());
  t.teardown(() => client.close());
  const same = (bytes: Buffer) => bytes;
  const path = "/giftmesh.wallet.v1.LedgerService/Transfer";
  return new Promise((resolve) => client.makeUnaryRequest(path, same, same, request, metadata, resolve));
}
