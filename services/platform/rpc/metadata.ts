/** How a call travels between processes: as gRPC metadata, but for the deadline, which is gRPC's own. */

import { randomUUID } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import { type Context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { type Caller, CallerSchema } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import { InvalidFields, Unauthenticated } from "../refusal.ts";
import { type Call, nobody } from "./call.ts";
import { encode } from "./codec.ts";

const callerKey = "caller-bin";
const requestIdKey = "x-request-id";
const idempotencyKeyKey = "idempotency-key";
const authorizationKey = "authorization";
const traceKeys = ["traceparent", "tracestate"] as const;

const requestIdForm = /^[!-~]{1,128}$/;
const idempotencyKeyForm = /^[ -~]{1,255}$/;

/** What goes along with a call to another process. */
export function metadataOf(call: Call): Metadata {
  const metadata = new Metadata();
  metadata.set(requestIdKey, call.requestId);
  if (call.caller !== nobody) metadata.set(callerKey, encode(CallerSchema, call.caller));
  if (call.idempotencyKey !== undefined) metadata.set(idempotencyKeyKey, call.idempotencyKey);
  if (call.trace) propagation.inject(call.trace, metadata, { set: (into, key, value) => into.set(key, value) });
  return metadata;
}

/** Who the sender says is calling; undefined where it does not say. Throws Unauthenticated where it is no Caller. */
export function readCaller(metadata: Metadata): Caller | undefined {
  const [bytes] = metadata.get(callerKey);
  if (bytes === undefined) return undefined;
  try {
    return fromBinary(CallerSchema, bytes as Buffer);
  } catch {
    throw new Unauthenticated();
  }
}

/** The token of `authorization: Bearer`; undefined where there is no such header. Throws Unauthenticated for another. */
export function readToken(metadata: Metadata): string | undefined {
  const authorization = readText(metadata, authorizationKey);
  if (authorization === undefined) return undefined;
  const token = /^Bearer +([^ ]+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new Unauthenticated();
  return token;
}

/** The request's id; a new one where there is none, or none that may stand in a log. */
export function readRequestId(metadata: Metadata): string {
  return usableRequestId(readText(metadata, requestIdKey));
}

/** A request's id as somebody says it is; a new one where they do not, or it is none that may stand in a log. */
export function usableRequestId(requestId: string | undefined): string {
  return requestId !== undefined && requestIdForm.test(requestId) ? requestId : randomUUID();
}

/** Throws InvalidFields where it is not 1 to 255 printable characters. */
export function readIdempotencyKey(metadata: Metadata): string | undefined {
  return checkIdempotencyKey(readText(metadata, idempotencyKeyKey));
}

/** Answers an idempotency key, if any. Throws InvalidFields where it is not 1 to 255 printable characters. */
export function checkIdempotencyKey(key: string | undefined): string | undefined {
  if (key === undefined || idempotencyKeyForm.test(key)) return key;
  throw new InvalidFields([
    { field: idempotencyKeyKey, description: "The idempotency key must be 1 to 255 printable characters." },
  ]);
}

/** The trace that the call is part of (W3C Trace Context). */
export function readTrace(metadata: Metadata): Context | undefined {
  const carrier = Object.fromEntries(traceKeys.map((key) => [key, readText(metadata, key)]));
  return carrier.traceparent === undefined ? undefined : propagation.extract(ROOT_CONTEXT, carrier);
}

function readText(metadata: Metadata, key: string): string | undefined {
  return metadata.get(key)[0] as string | undefined;
}
