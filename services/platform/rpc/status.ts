/**
 * The one place that knows how failures look on the wire (AIP-193): a google.rpc.Status with one ErrorInfo always, a
 * BadRequest where fields are invalid, a RetryInfo where waiting helps. A caller cannot tell a handler in its own
 * process from one across the network but by the error's class: compare `kind` and `reason`, not classes.
 */

import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { status as code, Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { Refusal, type RefusalKind } from "../refusal.ts";
import { type Failure, InternalError } from "./internal-error.ts";

const domain = "giftmesh";
const detailsKey = "grpc-status-details-bin";

const codes: Readonly<Record<RefusalKind, number>> = {
  invalid: code.INVALID_ARGUMENT,
  unauthenticated: code.UNAUTHENTICATED,
  forbidden: code.PERMISSION_DENIED,
  not_found: code.NOT_FOUND,
  rule: code.FAILED_PRECONDITION,
  conflict: code.ABORTED,
  too_many: code.RESOURCE_EXHAUSTED,
  unavailable: code.UNAVAILABLE,
};

const kinds: ReadonlyMap<number, RefusalKind> = new Map(
  Object.entries(codes).map(([kind, number]) => [number, kind as RefusalKind]),
);

const unreachedCodes: ReadonlySet<number> = new Set([
  code.UNAVAILABLE,
  code.DEADLINE_EXCEEDED,
  code.CANCELLED,
  code.RESOURCE_EXHAUSTED,
]);

/** A failure as a google.rpc.Status; `requestId` is the request that was first refused so, where this is a replay. */
export function statusOf(error: Failure, requestId = error instanceof Refusal ? error.requestId : undefined): Status {
  const info = { reason: error.reason, domain, metadata: requestId ? { request_id: requestId } : {} };
  const details = [pack(ErrorInfoSchema, info)];
  if (error instanceof InternalError) {
    return create(StatusSchema, { code: code.INTERNAL, message: error.message, details });
  }
  if (error.fields.length > 0) details.push(pack(BadRequestSchema, { fieldViolations: [...error.fields] }));
  if (error.retryAfterSeconds !== undefined) {
    details.push(pack(RetryInfoSchema, { retryDelay: durationFromMs(Math.ceil(error.retryAfterSeconds * 1_000)) }));
  }
  return create(StatusSchema, { code: codes[error.kind], message: error.message, details });
}

/** The number of the gRPC code that a call has failed with. */
export function codeOf(error: unknown): number {
  return error instanceof Refusal ? codes[error.kind] : code.INTERNAL;
}

/** The failure that a google.rpc.Status was made from; an InternalError where it is none of ours. */
export function refusalOf(status: Status): Failure {
  const kind = kinds.get(status.code);
  const info = unpack(status.details, ErrorInfoSchema);
  if (!kind || info?.domain !== domain) return new InternalError();
  const retryDelayMs = retryDelayMsOf(status);
  const requestId = info.metadata.request_id;
  return new Refusal(kind, {
    reason: info.reason,
    message: status.message,
    fields: (unpack(status.details, BadRequestSchema)?.fieldViolations ?? []).map(({ field, description }) => ({
      field,
      description,
    })),
    ...(retryDelayMs > 0 && { retryAfterSeconds: retryDelayMs / 1_000 }),
    ...(requestId && { requestId }),
  });
}

/** A failure as grpc-js sends it. */
export function grpcStatusOf(error: Failure): Partial<StatusObject> {
  const status = statusOf(error);
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(toBinary(StatusSchema, status)));
  // grpc-js escapes the message for its header, and fails on what is not Unicode.
  return { code: status.code, details: status.message.toWellFormed(), metadata };
}

/** What a service failed a call with, as grpc-js got it; grpc-js's own error where it is the transport that speaks. */
export function failureOfGrpc(error: ServiceError): Failure | ServiceError {
  const [details] = error.metadata.get(detailsKey);
  return details === undefined ? error : refusalOf(fromBinary(StatusSchema, details as Buffer));
}

/** What a service failed a call with that was carried; an error as grpc-js has them where it is the transport that speaks. */
export function failureOfCarried(status: Status): Failure | ServiceError {
  if (status.details.length > 0) return refusalOf(status);
  const { code, message: details } = status;
  return Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: new Metadata() });
}

/** Whether the transport says that the other side was not reached, or not in time. */
export function isUnreached(error: ServiceError): boolean {
  return unreachedCodes.has(error.code);
}

/** How long a service said to wait before the next try, in milliseconds; 0 where it said nothing. */
function retryDelayMsOf(status: Status): number {
  const delay = unpack(status.details, RetryInfoSchema)?.retryDelay;
  return delay ? durationMs(delay) : 0;
}

function pack<S extends DescMessage>(schema: S, value: Parameters<typeof create<S>>[1]): Any {
  return anyPack(schema, create(schema, value));
}

function unpack<S extends DescMessage>(details: readonly Any[], schema: S): MessageShape<S> | undefined {
  for (const detail of details) {
    const value = anyUnpack(detail, schema);
    if (value) return value;
  }
  return undefined;
}
