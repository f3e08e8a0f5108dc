import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { type BatchHoldStockResponse, StockService } from "../../../gen/giftmesh/catalog/v1/stock_service_pb.ts";
import { CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { SessionService } from "../../../gen/giftmesh/profile/v1/session_service_pb.ts";
import { type BatchTransferResponse, LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import {
  ChargePointsRequestSchema,
  GetPointsRequestSchema,
  PointsService,
} from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import type { Status } from "../../../gen/google/rpc/status_pb.ts";
import { Refusal } from "../refusal.ts";
import { inBatches } from "./batch-twin.ts";
import { Call } from "./call.ts";
import { Dispatcher, type RunOnce } from "./dispatcher.ts";
import { InternalError } from "./internal-error.ts";
import { refusalOf } from "./status.ts";
import { failureOfCall, visible } from "./testing/failure.ts";
import { echo, serveTransfers, transferRequest } from "./testing/ledger.ts";
import { recordedLog } from "./testing/log.ts";
import { serveOnly } from "./testing/serve-only.ts";

const { transfer, batchTransfer } = LedgerService.method;
const user = create(CallerSchema, { userId: 7n, role: Role.USER });
const call = () => new Call({ requestId: "r-1" });

const pointless = { chargePoints: async () => ({}), getPoints: async () => ({}) };

function dispatcherOf(...served: Parameters<Dispatcher["add"]>[]) {
  const { log, lines } = recordedLog();
  const dispatcher = new Dispatcher({ log });
  for (const one of served) dispatcher.add(...one);
  return { dispatcher, lines };
}

test("a call reaches its handler, and its answer is a whole message", async (t) => {
  const { dispatcher } = dispatcherOf([serveTransfers(echo)]);
  t.true(dispatcher.serves("giftmesh.wallet.v1.LedgerService"));
  t.false(dispatcher.serves("giftmesh.wallet.v1.PointsService"));
  t.like(await dispatcher.unary(transfer, transferRequest({ id: "a" }), call()), {
    $typeName: "giftmesh.wallet.v1.TransferResponse",
    transfer: { $typeName: "giftmesh.wallet.v1.Transfer", id: "a", reference: "" },
  });
});

test("a request that breaks a rule never reaches the handler", async (t) => {
  const { dispatcher } = dispatcherOf([serveTransfers(() => t.fail() as never)]);
  t.like(visible(await failureOfCall(dispatcher.unary(transfer, transferRequest({ id: "" }), call()))), {
    kind: "invalid",
    fields: [{ field: "id", description: "The id field is required." }],
  });
});

test("a refusal passes as it is, and is not logged", async (t) => {
  const refusal = new Refusal("rule", { reason: "INSUFFICIENT_BALANCE", message: "Too little" });
  const { dispatcher, lines } = dispatcherOf([serveTransfers(() => Promise.reject(refusal))]);
  t.is(await failureOfCall(dispatcher.unary(transfer, transferRequest(), call())), refusal);
  t.deepEqual(lines, []);
});

test("an error that nobody expected is logged once with its stack, and not shown", async (t) => {
  const { dispatcher, lines } = dispatcherOf(
    [serveTransfers(() => Promise.reject(new Error("secret")))],
    [
      serveOnly(PointsService, {
        chargePoints: async (_, own) => (await dispatcher.unary(transfer, transferRequest(), own)) as never,
      }),
    ],
  );
  const request = create(ChargePointsRequestSchema, { memberId: "me", amount: "1" });
  const own = new Call({ requestId: "r-1", caller: user });
  const failure = await failureOfCall(dispatcher.unary(PointsService.method.chargePoints, request, own));
  t.true(failure instanceof InternalError);
  t.is((failure as Error).message, "Internal server error");
  t.is(lines.length, 1);
  t.like(lines[0], {
    requestId: "r-1",
    method: "/giftmesh.wallet.v1.LedgerService/Transfer",
    err: { message: "secret" },
  });
});

test("who may not call is told so before what is wrong with the request", async (t) => {
  const { dispatcher } = dispatcherOf([serveOnly(PointsService, pointless)]);
  const { chargePoints } = PointsService.method;
  const charge = (memberId: string, caller = user) =>
    failureOfCall(
      dispatcher.unary(
        chargePoints,
        create(ChargePointsRequestSchema, { memberId }),
        new Call({ requestId: "r", caller }),
      ),
    );
  t.like(visible(await charge("7", create(CallerSchema))), { kind: "unauthenticated" });
  t.like(visible(await charge("8")), { kind: "not_found" });
  t.like(visible(await charge("7")), { kind: "invalid" });
});

test("the rule of a public RPC is held against calls from this process too, an internal one has none", async (t) => {
  const { dispatcher } = dispatcherOf([serveOnly(PointsService, pointless)], [serveTransfers(echo)]);
  const request = create(GetPointsRequestSchema, { memberId: "7" });
  t.like(visible(await failureOfCall(dispatcher.unary(PointsService.method.getPoints, request, call()))), {
    kind: "unauthenticated",
  });
  await t.notThrowsAsync(dispatcher.unary(transfer, transferRequest(), call()));
});

test("only a public RPC with effects, called with an idempotency key, goes through receipts", async (t) => {
  const seen: string[] = [];
  const once: RunOnce = (method, _request, _call, run) => {
    seen.push(method.name);
    return run();
  };
  const { dispatcher } = dispatcherOf(
    [serveOnly(PointsService, pointless), { once }],
    [serveTransfers(echo), { once }],
  );
  const withKey = new Call({ requestId: "r", caller: user, idempotencyKey: "k" });
  const withoutKey = new Call({ requestId: "r", caller: user });
  const charge = create(ChargePointsRequestSchema, { memberId: "me", amount: "1" });
  await dispatcher.unary(PointsService.method.chargePoints, charge, withKey);
  await dispatcher.unary(PointsService.method.chargePoints, charge, withoutKey);
  await dispatcher.unary(PointsService.method.getPoints, create(GetPointsRequestSchema, { memberId: "me" }), withKey);
  await dispatcher.unary(transfer, transferRequest(), withKey);
  t.deepEqual(seen, ["ChargePoints"]);
});

test("receipts see a refused request too, so that its refusal is replayed", async (t) => {
  const once: RunOnce = async (_method, _request, _call, run) => {
    t.like(visible(await failureOfCall(run())), { kind: "invalid" });
    throw new Refusal("invalid", { reason: "REPLAYED", message: "As before" });
  };
  const { dispatcher } = dispatcherOf([serveOnly(PointsService, pointless), { once }]);
  const withKey = new Call({ requestId: "r", caller: user, idempotencyKey: "k" });
  const charge = create(ChargePointsRequestSchema, { memberId: "me" });
  t.like(visible(await failureOfCall(dispatcher.unary(PointsService.method.chargePoints, charge, withKey))), {
    reason: "REPLAYED",
  });
});

test("a call that a handler makes does not write into the receipt of its own call", async (t) => {
  const receipt = {} as NonNullable<Call["receipt"]>;
  const { dispatcher } = dispatcherOf([
    serveTransfers(async (_, inner) => {
      t.is(inner.receipt, undefined);
      return {};
    }),
  ]);
  const outer = call();
  outer.receipt = receipt;
  await dispatcher.unary(transfer, transferRequest(), outer);
  t.is(outer.receipt, receipt);
});

test("a call whose deadline has passed is refused, and its handler not run", async (t) => {
  const { dispatcher } = dispatcherOf([serveTransfers(() => t.fail() as never)]);
  const late = new Call({ requestId: "r", deadline: Date.now() - 1 });
  t.like(visible(await failureOfCall(dispatcher.unary(transfer, transferRequest(), late))), { kind: "unavailable" });
});

test("a call is answered at its deadline, whatever the handler does", async (t) => {
  const { dispatcher } = dispatcherOf([serveTransfers(() => new Promise(() => undefined))]);
  const short = new Call({ requestId: "r", deadline: Date.now() + 20 });
  t.like(visible(await failureOfCall(dispatcher.unary(transfer, transferRequest(), short))), { kind: "unavailable" });
});

test("work that the call's signal stops at the deadline is no error to log", async (t) => {
  const { dispatcher, lines } = dispatcherOf([
    serveTransfers(
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    ),
  ]);
  const short = new Call({ requestId: "r", deadline: Date.now() + 20 });
  t.like(visible(await failureOfCall(dispatcher.unary(transfer, transferRequest(), short))), { kind: "unavailable" });
  t.deepEqual(lines, []);
});

test("what is around calls sees each of them and its failure", async (t) => {
  const seen: string[] = [];
  const dispatcher = new Dispatcher({
    log: recordedLog().log,
    around: async (method, inner, run) => {
      seen.push(method.name);
      try {
        return await run(inner.with({ requestId: "traced" }));
      } catch (error) {
        seen.push((error as Error).name);
        throw error;
      }
    },
  });
  dispatcher.add(serveTransfers(async (_, { requestId }) => ({ transfer: { id: requestId } })));
  t.like(await dispatcher.unary(transfer, transferRequest(), call()), { transfer: { id: "traced" } });
  await t.throwsAsync(dispatcher.unary(transfer, transferRequest({ id: "" }), call()));
  t.deepEqual(seen, ["Transfer", "Transfer", "InvalidFields"]);
});

test("a service is served once", (t) => {
  const { dispatcher } = dispatcherOf([serveTransfers(echo)]);
  t.throws(() => dispatcher.add(serveTransfers(echo)), { message: /served already/ });
});

test("in a batch each item is refused by itself, for a broken rule, by the handler, or for an unexpected error", async (t) => {
  const { dispatcher, lines } = dispatcherOf([
    serveTransfers(async ({ id }) => {
      if (id === "refused") throw new Refusal("rule", { reason: "INSUFFICIENT_BALANCE", message: "Too little" });
      if (id === "broken") throw new Error("secret");
      return { transfer: { id } };
    }),
  ]);
  const ids = ["", "a", "refused", "", "broken", "b", "x".repeat(65)];
  const batch = create(batchTransfer.input, { requests: ids.map((id) => transferRequest({ id })) });
  const { results } = (await dispatcher.unary(batchTransfer, batch, call())) as BatchTransferResponse;
  const told = results.map(({ outcome }) => {
    if (outcome.case === "response") return outcome.value.transfer?.id;
    return outcome.case === "error" ? visible(refusalOf(outcome.value)) : undefined;
  });
  const invalid = (description: string) => ({ kind: "invalid", fields: [{ field: "id", description }] });
  t.like(told, {
    0: invalid("The id field is required."),
    1: "a",
    2: { reason: "INSUFFICIENT_BALANCE" },
    3: invalid("The id field is required."),
    4: { message: "Internal server error" },
    5: "b",
    6: invalid("The id must be at most 64 characters."),
  });
  t.is(told.length, 7);
  t.is(lines.length, 1);
  t.like(lines[0], { err: { message: "secret" } });
});

test("in a batch each answer is in its item's place, whatever is wrong with others", async (t) => {
  const { dispatcher } = dispatcherOf([
    serveOnly(StockService, {
      batchHoldStock: inBatches(async ({ id }) => {
        throw new Refusal("rule", { reason: "OUT_OF_STOCK", message: id });
      }),
    }),
  ]);
  const { batchHoldStock } = StockService.method;
  const [lines, expiresAt] = [[{ productId: 1n, quantity: 1n }], timestampNow()];
  const requests = [
    { id: "", lines, expiresAt },
    { id: "no instant", lines, expiresAt: { seconds: 2n ** 62n, nanos: 0 } },
    { id: "held", lines, expiresAt },
  ];
  const batch = create(batchHoldStock.input, { requests });
  const { results } = (await dispatcher.unary(batchHoldStock, batch, call())) as BatchHoldStockResponse;
  const told = results.map(({ outcome }) => visible(refusalOf(outcome.value as Status)));
  t.like(told, {
    0: { fields: [{ field: "id", description: "The id field is required." }] },
    1: { fields: [{ field: "expires_at", description: "The expires at must be an instant of the years 1 to 9999." }] },
    2: { reason: "OUT_OF_STOCK", message: "held" },
    length: 3,
  });
});

test("a batch that breaks a rule as a whole is refused as a whole", async (t) => {
  const { dispatcher } = dispatcherOf([serveTransfers(() => t.fail() as never)]);
  const empty = create(batchTransfer.input);
  t.like(visible(await failureOfCall(dispatcher.unary(batchTransfer, empty, call()))), {
    fields: [{ field: "requests", description: "The requests must have at least 1 item." }],
  });
  const long = create(batchTransfer.input, {
    requests: Array.from({ length: 1001 }, () => transferRequest({ id: "" })),
  });
  t.like(visible(await failureOfCall(dispatcher.unary(batchTransfer, long, call()))), {
    fields: [{ field: "requests", description: "The requests must have at most 1000 items." }],
  });
});

test("a stream yields what the handler yields, until the reader stops", async (t) => {
  let ended = false;
  const { dispatcher } = dispatcherOf([
    serveOnly(SessionService, {
      async *watchEndedSessions() {
        try {
          for (let id = 1n; ; id++) yield { sessionIds: [id] };
        } finally {
          ended = true;
        }
      },
    }),
  ]);
  const { watchEndedSessions } = SessionService.method;
  const seen: unknown[] = [];
  for await (const answer of dispatcher.stream(watchEndedSessions, create(watchEndedSessions.input), call())) {
    seen.push(answer);
    if (seen.length === 2) break;
  }
  t.like(seen, {
    0: { $typeName: "giftmesh.profile.v1.WatchEndedSessionsResponse", sessionIds: [1n] },
    1: { sessionIds: [2n] },
  });
  t.true(ended);
});

test("a stream that breaks is logged, and its reader told no more than of a call", async (t) => {
  const { dispatcher, lines } = dispatcherOf([
    serveOnly(SessionService, {
      async *watchEndedSessions() {
        yield {};
        throw new Error("secret");
      },
    }),
  ]);
  const { watchEndedSessions } = SessionService.method;
  const stream = dispatcher.stream(watchEndedSessions, create(watchEndedSessions.input), call());
  const reader = stream[Symbol.asyncIterator]();
  t.like(await reader.next(), { done: false });
  await t.throwsAsync(async () => reader.next(), { instanceOf: InternalError });
  t.is(lines.length, 1);
});
