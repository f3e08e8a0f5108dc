import { EventEmitter } from "node:events";
import { setTimeout } from "node:timers/promises";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, type Server, type ServiceError, status } from "@grpc/grpc-js";
import test, { type ExecutionContext } from "ava";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { CarrierService, type CarryResponse } from "../../../gen/giftmesh/common/v1/carrier_service_pb.ts";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { InvalidFields, Refusal, Unavailable } from "../refusal.ts";
import { Call } from "./call.ts";
import { pathOf } from "./codec.ts";
import { Dispatcher } from "./dispatcher.ts";
import { GrpcHandlers } from "./grpc-handlers.ts";
import type { Handler, Served } from "./handler.ts";
import { failureOfCall, visible } from "./testing/failure.ts";
import { echo, serveTransfers } from "./testing/ledger.ts";
import { recordedLog } from "./testing/log.ts";
import { clientsOf, startProcess, type TestProcess } from "./testing/mesh.ts";

type OpenWallet = Handler<typeof LedgerService.method.openWallet>;

const { carry } = CarrierService.method;
const openWalletPath = pathOf(LedgerService.method.openWallet);
const soon = (ms = 10_000) => new Call({ requestId: "r", deadline: Date.now() + ms });

/** A ledger that opens wallets in its own way: an RPC whose effect is not known by an id of its own. */
function serveWallets(openWallet: OpenWallet): Served {
  return serveTransfers(echo, { openWallet });
}

/** A client of a process that it is connected to, so that calls are carried from the first. */
async function connected(t: ExecutionContext, { address }: TestProcess) {
  const clients = clientsOf(t, { wallet: address });
  await clients.healthOf("wallet").isReady(5_000);
  return { clients, ledger: clients.of(LedgerService) };
}

/** What calls end with, each in a word. */
const told = (calls: readonly Promise<{ readonly wallet?: { readonly id: bigint } | undefined }>[]) =>
  Promise.all(calls.map((one) => one.then(({ wallet }) => wallet?.id, visible)));

test("calls that are made at once are answered each on its own, be it a response, a refusal or an error", async (t) => {
  const process = await startProcess(t, [
    serveWallets(async ({ userId }) => {
      if (userId % 3n === 0n) throw new Refusal("rule", { reason: "UNLUCKY", message: `No ${userId}` });
      if (userId % 3n === 1n) throw new Error("secret");
      return { wallet: { id: userId } };
    }),
  ]);
  const { ledger } = await connected(t, process);
  const answers = await told(Array.from({ length: 300 }, (_, id) => ledger.openWallet({ userId: BigInt(id) }, soon())));
  for (const [id, answer] of answers.entries()) {
    if (id === 0) t.like(answer, { kind: "invalid" });
    else if (id % 3 === 0) t.like(answer, { kind: "rule", reason: "UNLUCKY", message: `No ${id}` });
    else if (id % 3 === 1) t.like(answer, { name: "InternalError" });
    else t.is(answer, BigInt(id));
  }
  t.is(process.lines.length, 100);
});

test("a call that takes long keeps none waiting that was made with it", async (t) => {
  const release = Promise.withResolvers<void>();
  const process = await startProcess(t, [
    serveWallets(async ({ userId }) => {
      if (userId === 1n) await release.promise;
      return { wallet: { id: userId } };
    }),
  ]);
  const { ledger } = await connected(t, process);
  const first = ledger.openWallet({ userId: 1n }, soon());
  t.deepEqual(await told([2n, 3n].map((userId) => ledger.openWallet({ userId }, soon()))), [2n, 3n]);
  release.resolve();
  t.like(await first, { wallet: { id: 1n } });
});

test("who calls, the request's id, the idempotency key and the deadline are each call's own", async (t) => {
  const seen: Call[] = [];
  const process = await startProcess(t, [
    serveWallets(async (_, call) => {
      seen.push(call);
      return {};
    }),
  ]);
  const { ledger } = await connected(t, process);
  const calls = [1n, 2n].map((userId) => {
    const caller = create(CallerSchema, { userId, role: Role.USER, username: `u${userId}`, address: "10.0.0.1" });
    const deadline = Date.now() + Number(userId) * 5_000;
    return new Call({ requestId: `r-${userId}`, idempotencyKey: `k ${userId}`, caller, deadline });
  });
  await Promise.all([...calls, soon()].map((call) => ledger.openWallet({ userId: 7n }, call)));
  for (const [index, call] of calls.entries()) {
    t.deepEqual(seen[index]?.caller, call.caller);
    t.like(seen[index], { requestId: call.requestId, idempotencyKey: call.idempotencyKey });
    t.true(Math.abs((seen[index]?.deadline ?? 0) - call.deadline) < 1_000);
  }
  t.is(seen[2]?.caller.userId, 0n);
  t.is(seen[2]?.idempotencyKey, undefined);
});

test("an idempotency key over 255 characters is refused, and that call only", async (t) => {
  const { ledger } = await connected(t, await startProcess(t, [serveWallets(async () => ({ wallet: { id: 1n } }))]));
  const keyed = new Call({ requestId: "r", idempotencyKey: "x".repeat(256) });
  const [refused, answer] = await told([keyed, soon()].map((call) => ledger.openWallet({ userId: 1n }, call)));
  t.like(refused, { kind: "invalid", fields: [{ field: "idempotency-key" }] });
  t.is(answer, 1n);
});

const failures: Readonly<Record<string, () => Error>> = {
  "invalid fields": () => new InvalidFields([{ field: "items.0.quantity", description: "Too few: 100 % é" }]),
  "a refusal with everything": () =>
    new Refusal("too_many", { reason: "SLOW", message: "Slow down", retryAfterSeconds: 30, requestId: "first" }),
  "an unavailable service": () => new Unavailable("Later, please", 60),
};

for (const [name, make] of Object.entries(failures)) {
  test(`a caller sees all of ${name}`, async (t) => {
    const { ledger } = await connected(t, await startProcess(t, [serveWallets(() => Promise.reject(make()))]));
    const failure = await failureOfCall(ledger.openWallet({ userId: 1n }, soon()));
    t.deepEqual(visible(failure), visible(make()));
  });
}

test("a handler is told that one of its callers went away, and the others are answered", async (t) => {
  const started = Promise.withResolvers<void>();
  const isTold = Promise.withResolvers<void>();
  const process = await startProcess(t, [
    serveWallets(async ({ userId }, { cancelled }) => {
      if (userId === 2n) return { wallet: { id: 2n } };
      cancelled?.addEventListener("abort", () => isTold.resolve());
      started.resolve();
      return new Promise(() => undefined);
    }),
  ]);
  const { ledger } = await connected(t, process);
  const leaving = new AbortController();
  const left = failureOfCall(ledger.openWallet({ userId: 1n }, soon().with({ cancelled: leaving.signal })));
  const stays = ledger.openWallet({ userId: 2n }, soon());
  await started.promise;
  leaving.abort();
  t.like(visible(await left), { kind: "unavailable" });
  await t.notThrowsAsync(isTold.promise);
  t.like(await stays, { wallet: { id: 2n } });
});

test("a caller that has gone away before its call leaves has no effect", async (t) => {
  const seen: bigint[] = [];
  const process = await startProcess(t, [
    serveWallets(async ({ userId }) => {
      seen.push(userId);
      return {};
    }),
  ]);
  const { ledger } = await connected(t, process);
  const leaving = new AbortController();
  const failure = failureOfCall(ledger.openWallet({ userId: 1n }, soon().with({ cancelled: leaving.signal })));
  leaving.abort();
  t.like(visible(await failure), { kind: "unavailable" });
  const gone = failureOfCall(ledger.openWallet({ userId: 2n }, soon().with({ cancelled: leaving.signal })));
  t.like(visible(await gone), { kind: "unavailable" });
  await ledger.openWallet({ userId: 3n }, soon());
  t.deepEqual(seen, [3n]);
});

test("a call is refused at its deadline, the handler told, and the log says who did not answer", async (t) => {
  const isTold = Promise.withResolvers<void>();
  const process = await startProcess(t, [
    serveWallets((_, { signal }) => {
      signal.addEventListener("abort", () => isTold.resolve());
      return new Promise(() => undefined);
    }),
  ]);
  const { clients, ledger } = await connected(t, process);
  t.like(visible(await failureOfCall(ledger.openWallet({ userId: 1n }, soon(2_000)))), { kind: "unavailable" });
  await t.notThrowsAsync(isTold.promise);
  t.like(clients.lines, { 0: { msg: "Another service did not answer", address: process.address } });
});

test("no more than 10,000 calls wait for an answer", async (t) => {
  const release = Promise.withResolvers<void>();
  const process = await startProcess(t, [
    serveWallets(async ({ userId }) => {
      await release.promise;
      return { wallet: { id: userId } };
    }),
  ]);
  const { ledger } = await connected(t, process);
  const call = soon(60_000);
  const admitted = Array.from({ length: 10_000 }, () => ledger.openWallet({ userId: 1n }, call));
  t.like(visible(await failureOfCall(ledger.openWallet({ userId: 1n }, call))), { kind: "unavailable" });
  await setTimeout(500);
  release.resolve();
  t.is((await Promise.all(admitted)).length, 10_000);
  t.like(await ledger.openWallet({ userId: 2n }, soon()), { wallet: { id: 2n } });
});

test("large answers arrive, and one that is too large fails alone", async (t) => {
  const process = await startProcess(t, [
    serveWallets(async ({ userId }) => ({ wallet: { balance: { currencyCode: "x".repeat(Number(userId)) } } })),
  ]);
  const { ledger } = await connected(t, process);
  const sizes = [10, 100_000, 3_000_000, 8 * 1024 * 1024 - 2_000, 9_000_000];
  const answers = sizes.map((size) => ledger.openWallet({ userId: BigInt(size) }, soon()));
  const tooLarge = answers.pop() ?? t.fail();
  for (const [index, { wallet }] of (await Promise.all(answers)).entries()) {
    t.is(wallet?.balance?.currencyCode.length, sizes[index]);
  }
  t.like(visible(await failureOfCall(tooLarge)), { name: "InternalError" });
});

test("a request that is too large to travel with others arrives all the same", async (t) => {
  const { ledger } = await connected(t, await startProcess(t, [serveWallets(async () => ({}))]));
  const currencyCode = "x".repeat(100_000);
  t.like(visible(await failureOfCall(ledger.openWallet({ userId: 1n, currencyCode }, soon()))), { kind: "invalid" });
});

test("a call that came too late for a process that stops is made elsewhere, and one that was begun is answered", async (t) => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const seen: bigint[] = [];
  const process = await startProcess(t, [
    serveWallets(async ({ userId }) => {
      seen.push(userId);
      started.resolve();
      await finish.promise;
      return { wallet: { id: userId } };
    }),
  ]);
  const { stream, answers } = converse(t, process);
  stream.write(carried({ calls: [{ number: 1, path: openWalletPath, request: walletRequest(1n) }] }));
  await started.promise;
  const stopped = process.server.stop();
  stream.write(carried({ calls: [{ number: 2, path: openWalletPath, request: walletRequest(2n) }] }));
  const [late] = await answers(1);
  t.like(late, { number: 2, outcome: { case: undefined } });
  finish.resolve();
  const [begun] = await answers(1);
  t.like(begun, { number: 1, outcome: { case: "response" } });
  await stopped;
  t.deepEqual(seen, [1n]);
});

test("no call that was begun goes unanswered where its process stops and another takes its place", async (t) => {
  let begun = 0;
  const served = serveWallets(async ({ userId }) => {
    begun++;
    await setTimeout(5);
    return { wallet: { id: userId } };
  });
  const first = await startProcess(t, [served]);
  const { ledger } = await connected(t, first);
  let answered = 0;
  const callUntil = async (goesOn: () => boolean) => {
    while (goesOn()) {
      const answer = await ledger.openWallet({ userId: 1n }, soon()).catch(visible);
      if ("wallet" in answer) answered++;
      // There is nobody between the two.
      else t.like(answer, { kind: "unavailable" });
    }
  };
  const goOn = { value: true };
  const calling = Array.from({ length: 20 }, () => callUntil(() => goOn.value));
  await setTimeout(50);
  await first.server.stop();
  const before = answered;
  await startProcess(t, [served], { grpcPort: first.server.port });
  while (answered < before + 100) await setTimeout(5);
  goOn.value = false;
  await Promise.all(calling);
  t.is(answered, begun);
});

test("where a connection is lost, its calls are told at once", async (t) => {
  const started = Promise.withResolvers<void>();
  const process = await startProcess(t, [
    serveWallets(() => {
      started.resolve();
      return new Promise(() => undefined);
    }),
  ]);
  const { clients, ledger } = await connected(t, process);
  const lost = Promise.all([1n, 2n].map((userId) => failureOfCall(ledger.openWallet({ userId }, soon(20_000)))));
  await started.promise;
  const before = Date.now();
  await process.server.stop();
  for (const failure of await lost) t.like(visible(failure), { kind: "unavailable" });
  t.true(Date.now() - before < 8_000);
  t.is(clients.lines.length, 2);
});

test("an RPC that the other side does not serve is an internal error, and logged by whoever called it", async (t) => {
  const { ledger, clients } = await connected(t, await startProcess(t, []));
  t.like(visible(await failureOfCall(ledger.openWallet({ userId: 1n }, soon()))), { name: "InternalError" });
  t.is(clients.lines.length, 1);
});

for (const [peer, isOfTheMesh] of Object.entries({ "127.0.0.1:1024": true, "10.0.0.5:1024": false })) {
  test(`a peer at ${peer} that has shown no certificate may ${isOfTheMesh ? "" : "not "}have calls carried`, (t) => {
    const { log } = recordedLog();
    const handlers = new GrpcHandlers(new Dispatcher({ log }), { mutualTls: false, tokens: undefined }, log);
    let handle: ((stream: unknown) => void) | undefined;
    handlers.register({ register: (_: string, one: typeof handle) => (handle = one) } as unknown as Server, []);
    const refused: object[] = [];
    const stream = Object.assign(new EventEmitter(), { getPeer: () => peer });
    stream.on("error", (error) => refused.push(error));
    handle?.(stream);
    t.is(stream.listenerCount("data"), isOfTheMesh ? 1 : 0);
    t.deepEqual(
      refused.map((error) => "code" in error && error.code),
      isOfTheMesh ? [] : [status.UNAUTHENTICATED],
    );
  });
}

test("bytes that are no message of an RPC are refused, and the calls beside answered", async (t) => {
  const { stream, answers } = converse(t, await startProcess(t, [serveWallets(async () => ({}))]));
  const bytes = Buffer.from([0xff, 0xff, 0xff]);
  const [bad, good] = [bytes, walletRequest(1n)].map((request, index) => ({
    number: index + 1,
    path: openWalletPath,
    request,
  }));
  stream.write(carried({ calls: [bad ?? t.fail(), good ?? t.fail()] }));
  const both = (await answers(2)).toSorted((a, b) => a.number - b.number);
  t.like(both, {
    0: { outcome: { case: "error", value: { code: status.INVALID_ARGUMENT } } },
    1: { outcome: { case: "response" } },
  });
});

test("bytes that are no CarryRequest end the stream", async (t) => {
  const { stream } = converse(t, await startProcess(t, [serveTransfers(echo)]));
  const ended = new Promise<ServiceError>((resolve) => stream.once("error", resolve));
  stream.write(Buffer.from([0xff, 0xff, 0xff]));
  t.like(await ended, { code: status.INVALID_ARGUMENT });
});

type Frame = MessageInitShape<typeof carry.input>;

function carried(frame: Frame): Buffer {
  return Buffer.from(toBinary(carry.input, create(carry.input, frame)));
}

function walletRequest(userId: bigint): Uint8Array {
  const { input } = LedgerService.method.openWallet;
  return toBinary(input, create(input, { userId }));
}

/** A stream as it is on the wire. */
function converse(t: ExecutionContext, { address }: TestProcess) {
  const client = new Client(address, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(pathOf(carry), same, same);
  t.teardown(() => {
    stream.end();
    client.close();
  });
  const received: CarryResponse["answers"] = [];
  const events = new EventTarget();
  stream.on("data", (bytes: Buffer) => {
    received.push(...fromBinary(carry.output, bytes).answers);
    events.dispatchEvent(new Event("answer"));
  });
  stream.on("error", () => undefined);
  const answers = async (count: number) => {
    while (received.length < count)
      await new Promise((resolve) => events.addEventListener("answer", resolve, { once: true }));
    return received.splice(0, count);
  };
  return { stream, answers };
}
