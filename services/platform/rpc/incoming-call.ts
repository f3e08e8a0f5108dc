import type { EventEmitter } from "node:events";
import { create, type DescMethod, getOption } from "@bufbuild/protobuf";
import type { ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { type Caller, CallerSchema } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { rest } from "../../../gen/giftmesh/common/v1/rest_pb.ts";
import { Unauthenticated } from "../refusal.ts";
import type { TokenVerifier } from "../token-verifier.ts";
import { accessOf } from "./access.ts";
import { Call, nobody } from "./call.ts";
import { readCaller, readIdempotencyKey, readRequestId, readToken, readTrace } from "./metadata.ts";
import { usualTimeoutMs } from "./timeouts.ts";

/** A call as grpc-js gives it to a server, its request still encoded. */
export type IncomingCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** Whose word a server takes for who is calling. */
export interface Trust {
  /** Whether every peer has shown a certificate of the mesh. */
  readonly mutualTls: boolean;
  /** Checks the tokens of those who bear one; without, none is good. */
  readonly tokens: TokenVerifier | undefined;
}

/**
 * Reads who calls, for which request, until when. Throws Unauthenticated where who calls is not to be believed, and
 * where a peer that is not of the mesh calls an internal RPC, or one that is for development only.
 */
export async function readCall(method: DescMethod, incoming: IncomingCall, trust: Trust): Promise<Call> {
  if (!isOfTheMesh(incoming, trust) && !isForStrangers(method)) throw new Unauthenticated();
  const { metadata } = incoming;
  return new Call({
    caller: await readWhoCalls(incoming, trust),
    requestId: readRequestId(metadata),
    idempotencyKey: readIdempotencyKey(metadata),
    deadline: readDeadline(method, incoming),
    trace: readTrace(metadata),
    cancelled: () => signalOf(incoming),
  });
}

function isForStrangers(method: DescMethod): boolean {
  return accessOf(method) !== undefined && !getOption(method, rest).developmentOnly;
}

async function readWhoCalls(incoming: IncomingCall, trust: Trust): Promise<Caller> {
  const { metadata } = incoming;
  const caller = readCaller(metadata);
  if (caller) {
    if (!isOfTheMesh(incoming, trust)) throw new Unauthenticated();
    return caller;
  }
  const token = readToken(metadata);
  if (token === undefined && isOfTheMesh(incoming, trust)) return nobody;
  const address = addressOf(incoming.getPeer());
  if (token === undefined) return create(CallerSchema, { address });
  if (!trust.tokens) throw new Unauthenticated();
  return create(CallerSchema, { ...(await trust.tokens.verify(token)), address });
}

function readDeadline(method: DescMethod, incoming: IncomingCall): number {
  const deadline = Number(incoming.getDeadline());
  const isStream = "write" in incoming;
  return deadline === Number.POSITIVE_INFINITY && !isStream ? Date.now() + usualTimeoutMs(method) : deadline;
}

function signalOf(incoming: IncomingCall): AbortSignal {
  const controller = new AbortController();
  const emitter: EventEmitter = incoming;
  if (incoming.cancelled) controller.abort();
  else emitter.once("cancelled", () => controller.abort());
  return controller.signal;
}

/** Whether the other side has shown a certificate of the mesh, or runs on this host. */
export function isOfTheMesh(incoming: Pick<IncomingCall, "getPeer">, trust: Trust): boolean {
  return trust.mutualTls || isLoopback(addressOf(incoming.getPeer()));
}

/** `127.0.0.1:34512` → `127.0.0.1`; grpc-js writes `::1:34512` for IPv6. */
function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(":"));
}

/** Whether an address is of this host itself (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}
