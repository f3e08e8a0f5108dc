import { create, type DescMethod } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import test from "ava";
import { type Caller, CallerSchema, Role } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { MailboxService } from "../../../gen/giftmesh/notification/v1/mailbox_service_pb.ts";
import { VoucherService } from "../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import { LedgerService } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { PointsService } from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { Unauthenticated } from "../refusal.ts";
import type { TokenVerifier } from "../token-verifier.ts";
import { Call } from "./call.ts";
import { type IncomingCall, readCall, type Trust } from "./incoming-call.ts";
import { metadataOf } from "./metadata.ts";
import { failureOfCall, visible } from "./testing/failure.ts";

const publicRpc = PointsService.method.getPoints;
const internalRpc = LedgerService.method.transfer;
const sara = create(CallerSchema, { userId: 7n, role: Role.USER, username: "sara", address: "203.0.113.9" });

const tokens: TokenVerifier = {
  verify(token) {
    if (token !== "good") throw new Unauthenticated();
    return create(CallerSchema, { ...sara, address: "" });
  },
};
const plain: Trust = { mutualTls: false, tokens };
const mutualTls: Trust = { mutualTls: true, tokens };

const here = ["127.0.0.1:1024", "127.8.8.8:1", "::1:1024", "::ffff:127.0.0.1:1024"];
const elsewhere = ["10.0.0.5:1024", "::ffff:10.0.0.5:1024", "fe80::1:1024", "127.0.0.1.evil:1", "unknown"];

for (const peer of here) {
  test(`a peer at ${peer} is believed who calls, and may call internal RPCs`, async (t) => {
    t.deepEqual(await callerOf(peer, plain, sent(sara)), sara);
    t.is((await callerOf(peer, plain, new Metadata(), internalRpc)).userId, 0n);
  });
}

for (const peer of elsewhere) {
  test(`a peer at ${peer} that has shown no certificate is not believed, and may not call internal RPCs`, async (t) => {
    t.like(visible(await failureOfCall(callerOf(peer, plain, sent(sara)))), { kind: "unauthenticated" });
    t.like(visible(await failureOfCall(callerOf(peer, plain, new Metadata(), internalRpc))), {
      kind: "unauthenticated",
    });
  });
}

test("a peer elsewhere that has shown a certificate is believed", async (t) => {
  t.deepEqual(await callerOf("10.0.0.5:1024", mutualTls, sent(sara)), sara);
  t.is((await callerOf("10.0.0.5:1024", mutualTls, new Metadata(), internalRpc)).userId, 0n);
});

test("anyone may come without a word, and is then nobody at their address", async (t) => {
  t.deepEqual(await callerOf("10.0.0.5:1024", plain, new Metadata()), create(CallerSchema, { address: "10.0.0.5" }));
});

test("what is for development only is the mesh's own, though anyone may call it", async (t) => {
  const { listMessages } = MailboxService.method;
  t.is((await callerOf("127.0.0.1:1", plain, new Metadata(), listMessages)).userId, 0n);
  t.is((await callerOf("10.0.0.5:1", mutualTls, new Metadata(), listMessages)).userId, 0n);
  for (const metadata of [new Metadata(), bearing("Bearer good")]) {
    t.like(visible(await failureOfCall(callerOf("10.0.0.5:1", plain, metadata, listMessages))), {
      kind: "unauthenticated",
    });
  }
});

test("a token says who calls, from wherever", async (t) => {
  for (const peer of ["127.0.0.1", "10.0.0.5"]) {
    t.deepEqual(
      await callerOf(`${peer}:1`, plain, bearing("Bearer good")),
      create(CallerSchema, { ...sara, address: peer }),
    );
  }
});

for (const authorization of ["Bearer bad", "Bearer", "Basic good", "good", "Bearer good good"]) {
  test(`authorization "${authorization}" is refused, wherever it comes from`, async (t) => {
    for (const peer of ["127.0.0.1:1", "10.0.0.5:1"]) {
      t.like(visible(await failureOfCall(callerOf(peer, plain, bearing(authorization)))), { kind: "unauthenticated" });
    }
  });
}

test("no token is good where there is nothing to check it with", async (t) => {
  const trust = { mutualTls: false, tokens: undefined };
  t.like(visible(await failureOfCall(callerOf("127.0.0.1:1", trust, bearing("Bearer good")))), {
    kind: "unauthenticated",
  });
});

test("a request id that may not stand in a log is replaced, one that is missing is made", async (t) => {
  const strange = new Metadata();
  strange.set("x-request-id", "two words");
  for (const metadata of [strange, new Metadata()]) {
    const { requestId } = await readCall(publicRpc, incoming("127.0.0.1:1", metadata), plain);
    t.regex(requestId, /^[0-9a-f-]{36}$/);
  }
});

test("a call that has no deadline gets one, a stream goes on", async (t) => {
  const unary = await readCall(publicRpc, incoming("127.0.0.1:1", new Metadata()), plain);
  t.true(Number.isFinite(unary.deadline));
  const stream = { ...incoming("127.0.0.1:1", new Metadata()), write: () => true } as unknown as IncomingCall;
  t.is((await readCall(publicRpc, stream, plain)).deadline, Number.POSITIVE_INFINITY);
});

test("a call of an RPC that waits for news is given the time that the RPC says", async (t) => {
  const { deadline } = await readCall(
    VoucherService.method.getRequestedCode,
    incoming("127.0.0.1:1", new Metadata()),
    plain,
  );
  t.true(deadline > Date.now() + 39_000 && deadline <= Date.now() + 40_000);
});

function sent(caller: Caller): Metadata {
  return metadataOf(new Call({ requestId: "r", caller }));
}

function bearing(authorization: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", authorization);
  return metadata;
}

async function callerOf(peer: string, trust: Trust, metadata: Metadata, method: DescMethod = publicRpc) {
  return (await readCall(method, incoming(peer, metadata), trust)).caller;
}

/** A call as grpc-js hands it over, from a peer that a test cannot connect from. */
function incoming(peer: string, metadata: Metadata): IncomingCall {
  return { metadata, getPeer: () => peer, getDeadline: () => Number.POSITIVE_INFINITY } as unknown as IncomingCall;
}
