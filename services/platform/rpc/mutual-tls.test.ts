import test from "ava";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { ConfigError } from "../config.ts";
import { Call } from "./call.ts";
import { createAuthority } from "./testing/certificates.ts";
import { failureOfCall, visible } from "./testing/failure.ts";
import { echo, serveTransfers, transferRequest } from "./testing/ledger.ts";
import { clientsOf, startProcess } from "./testing/mesh.ts";

const soon = () => new Call({ requestId: "r", deadline: Date.now() + 1_000 });
const mesh = createAuthority();
const stranger = createAuthority();

test("services that show a certificate of the mesh understand each other", async (t) => {
  const wallet = await (await mesh).issue("wallet");
  const edge = await (await mesh).issue("edge");
  const { address } = await startProcess(t, [serveTransfers(echo)], { grpcTls: wallet });
  const ledger = clientsOf(t, { wallet: address }, edge).of(LedgerService);
  const call = new Call({ requestId: "r" });
  t.like(await ledger.transfer(transferRequest({ id: "a" }), call), { transfer: { id: "a" } });
});

test("a peer that shows another authority's certificate, though it trusts the mesh, gets no answer", async (t) => {
  const wallet = await (await mesh).issue("wallet");
  const other = await (await stranger).issue("edge");
  const { address } = await startProcess(t, [serveTransfers(() => t.fail() as never)], { grpcTls: wallet });
  const ledger = clientsOf(t, { wallet: address }, { ...other, authority: wallet.authority }).of(LedgerService);
  t.like(visible(await failureOfCall(ledger.transfer(transferRequest(), soon()))), { kind: "unavailable" });
});

test("a peer without a certificate gets no answer", async (t) => {
  const wallet = await (await mesh).issue("wallet");
  const { address } = await startProcess(t, [serveTransfers(() => t.fail() as never)], { grpcTls: wallet });
  const ledger = clientsOf(t, { wallet: address }).of(LedgerService);
  t.like(visible(await failureOfCall(ledger.transfer(transferRequest(), soon()))), { kind: "unavailable" });
});

test("a server of another authority is not talked to", async (t) => {
  const wallet = await (await stranger).issue("wallet");
  const edge = await (await mesh).issue("edge");
  const { address } = await startProcess(t, [serveTransfers(() => t.fail() as never)], { grpcTls: wallet });
  const ledger = clientsOf(t, { wallet: address }, edge).of(LedgerService);
  t.like(visible(await failureOfCall(ledger.transfer(transferRequest(), soon()))), { kind: "unavailable" });
});

test("a server that shows the certificate of another host is not talked to", async (t) => {
  const wallet = await (await mesh).issue("wallet", "10.0.0.5");
  const edge = await (await mesh).issue("edge");
  const { address } = await startProcess(t, [serveTransfers(() => t.fail() as never)], { grpcTls: wallet });
  const ledger = clientsOf(t, { wallet: address }, edge).of(LedgerService);
  t.like(visible(await failureOfCall(ledger.transfer(transferRequest(), soon()))), { kind: "unavailable" });
});

test("certificates that cannot be used stop the start with one line that names them", async (t) => {
  const wallet = await (await mesh).issue("wallet");
  const error = await t.throwsAsync(startProcess(t, [], { grpcTls: { ...wallet, key: Buffer.from("junk") } }), {
    instanceOf: ConfigError,
  });
  t.regex(error?.message ?? "", /^GRPC_TLS_CERT, GRPC_TLS_KEY, GRPC_TLS_CA: cannot be used \(.+\)$/);
});
