import { create, createFileRegistry } from "@bufbuild/protobuf";
import { EmptySchema, FileDescriptorProtoSchema, file_google_protobuf_empty } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { Call } from "./call.ts";
import { Dispatcher } from "./dispatcher.ts";
import { MeshClients } from "./mesh-clients.ts";
import { failureOfCall, visible } from "./testing/failure.ts";
import { echo, serveTransfers, transferRequest } from "./testing/ledger.ts";
import { recordedLog } from "./testing/log.ts";
import { clientsOf, startProcess } from "./testing/mesh.ts";

const call = () => new Call({ requestId: "r-1" });

test("a service of this process is called directly, though an address says where else it is", async (t) => {
  const elsewhere = await startProcess(t, [serveTransfers(() => t.fail() as never)]);
  const { log } = recordedLog();
  const dispatcher = new Dispatcher({ log });
  const config = { addresses: { wallet: elsewhere.address }, grpcTls: undefined };
  const ledger = new MeshClients({ config, dispatcher, log }).of(LedgerService);
  // Services get their clients before all are there.
  dispatcher.add(serveTransfers(async (request, own) => echo(request, own)));
  t.like(await ledger.transfer(transferRequest({ id: "a" }), call()), { transfer: { id: "a" } });
});

test("a client is made once", (t) => {
  const clients = clientsOf(t, {});
  t.is(clients.of(LedgerService), clients.of(LedgerService));
});

const settings: Readonly<Record<string, string>> = {
  "giftmesh.giftcard.v1": "GIFT_CARD_ADDR",
  "giftmesh.payment.v1": "PAYMENT_ADDR",
};

for (const [name, setting] of Object.entries(settings)) {
  test(`without ${setting}, what is of ${name} is unavailable, and the log says so`, async (t) => {
    const clients = clientsOf(t, {});
    const { ping } = serviceOf(name).method;
    const failure = await failureOfCall(clients.unary(ping ?? t.fail(), create(EmptySchema), call()));
    t.like(visible(failure), { kind: "unavailable" });
    t.like(clients.lines, { 0: { requestId: "r-1", setting } });
  });
}

test("clients that are closed call nobody any more", async (t) => {
  const { address } = await startProcess(t, [serveTransfers(echo)]);
  const clients = clientsOf(t, { wallet: address });
  const ledger = clients.of(LedgerService);
  await ledger.transfer(transferRequest(), call());
  clients.close();
  const soon = new Call({ requestId: "r", deadline: Date.now() + 500 });
  t.truthy(await failureOfCall(ledger.transfer(transferRequest(), soon)));
});

/** A service with one RPC, in a package that has no proto yet. */
function serviceOf(name: string) {
  const empty = ".google.protobuf.Empty";
  const file = create(FileDescriptorProtoSchema, {
    name: "ping.proto",
    package: name,
    syntax: "proto3",
    dependency: ["google/protobuf/empty.proto"],
    service: [{ name: "PingService", method: [{ name: "Ping", inputType: empty, outputType: empty }] }],
  });
  const service = createFileRegistry(file, () => file_google_protobuf_empty.proto).getService(`${name}.PingService`);
  if (!service) throw new Error("The service was not made");
  return service;
}
