import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import test from "ava";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { PointsService } from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { Unavailable } from "../refusal.ts";
import { Call } from "./call.ts";
import { carriesItsOwnId, isWorthAnotherTry } from "./retry.ts";
import { failureOfCall, visible } from "./testing/failure.ts";
import { echo, serveTransfers, transferRequest } from "./testing/ledger.ts";
import { clientsOf, startProcess } from "./testing/mesh.ts";

const { transfer, batchTransfer, getWallet, listEntries, openWallet } = LedgerService.method;
const { getPoints, chargePoints, listTransactions } = PointsService.method;
const keyed = new Call({ requestId: "r", idempotencyKey: "k" });
const unkeyed = new Call({ requestId: "r" });
const batchOf = (...ids: string[]) =>
  create(batchTransfer.input, { requests: ids.map((id) => transferRequest({ id })) });

const decisions: readonly (readonly [what: string, method: DescMethod, request: Message, call: Call, may: boolean])[] =
  [
    ["a transfer with its id", transfer, transferRequest({ id: "a" }), unkeyed, true],
    ["a transfer without", transfer, transferRequest({ id: "" }), unkeyed, false],
    ["a batch all of whose transfers have one", batchTransfer, batchOf("a", "b"), unkeyed, true],
    ["a batch one of whose transfers has none", batchTransfer, batchOf("a", ""), unkeyed, false],
    ["an internal read", getWallet, create(getWallet.input), unkeyed, true],
    ["an internal list", listEntries, create(listEntries.input), unkeyed, true],
    ["an internal effect without an id", openWallet, create(openWallet.input), unkeyed, false],
    ["an internal effect, whose idempotency key means nothing", openWallet, create(openWallet.input), keyed, false],
    ["a public read", getPoints, create(getPoints.input), unkeyed, true],
    ["a public list", listTransactions, create(listTransactions.input), unkeyed, true],
    ["a public effect", chargePoints, create(chargePoints.input), unkeyed, false],
    ["a public effect with an idempotency key", chargePoints, create(chargePoints.input), keyed, true],
  ];

for (const [what, method, request, call, may] of decisions) {
  test(`${what} ${may ? "may" : "may not"} be sent again`, (t) => {
    t.is(carriesItsOwnId(method, request, call), may);
  });
}

for (const [name, code] of Object.entries(status).filter(([, code]) => typeof code === "number" && code !== 0)) {
  test(`${name} is ${name === "UNAVAILABLE" ? "" : "not "}worth another try`, (t) => {
    const error = Object.assign(new Error(name), { code: code as number, details: "", metadata: new Metadata() });
    t.is(isWorthAnotherTry(error satisfies ServiceError), name === "UNAVAILABLE");
  });
}

test("a call outlives a restart of the other side", async (t) => {
  const first = await startProcess(t, [serveTransfers(echo)]);
  const ledger = clientsOf(t, { wallet: first.address }).of(LedgerService);
  await ledger.transfer(transferRequest({ id: "before" }), new Call({ requestId: "r" }));
  await first.server.stop();
  const during = ledger.transfer(transferRequest({ id: "during" }), new Call({ requestId: "r" }));
  await startProcess(t, [serveTransfers(echo)], { grpcPort: first.server.port });
  t.like(await during, { transfer: { id: "during" } });
});

test("a call that has no id of its own is sent once, one that has until it is answered", async (t) => {
  let calls = 0;
  const refuseTwice = async () => {
    calls++;
    if (calls < 3) throw new Unavailable("Later", 0.001);
    return {};
  };
  const { address } = await startProcess(t, [
    serveTransfers(echo, { openWallet: refuseTwice, getWallet: refuseTwice }),
  ]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const failure = await failureOfCall(ledger.openWallet({ userId: 1n }, new Call({ requestId: "r" })));
  t.like(visible(failure), { kind: "unavailable", message: "Later" });
  t.is(calls, 1);
  await ledger.getWallet({ key: { case: "id", value: 1n } }, new Call({ requestId: "r" }));
  t.is(calls, 3);
});

test("a service that says when to come again is not asked before", async (t) => {
  let calls = 0;
  const refuse = async (): Promise<never> => {
    calls++;
    throw new Unavailable("Later", 60);
  };
  const { address } = await startProcess(t, [serveTransfers(refuse)]);
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  const failure = await failureOfCall(ledger.transfer(transferRequest(), new Call({ requestId: "r" })));
  t.like(visible(failure), { message: "Later", retryAfterSeconds: 60 });
  t.is(calls, 1);
});
