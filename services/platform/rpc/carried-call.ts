/** How a call travels on a stream that carries many; alone it travels as gRPC metadata does. */

import { create } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { type CarriedCall, CarriedCallSchema } from "../../../gen/giftmesh/common/v1/carrier_service_pb.ts";
import { Call, type CallInit, defaultTimeoutMs, nobody } from "./call.ts";
import { checkIdempotencyKey, usableRequestId } from "./metadata.ts";

const mostTimeoutMs = 2 ** 32 - 1;

/** A call as it travels from now on. */
export function carriedCallOf(number: number, path: string, request: Uint8Array, call: Call): CarriedCall {
  const { caller, requestId, idempotencyKey, deadline, trace } = call;
  const carried = create(CarriedCallSchema, { number, path, request, requestId });
  if (caller !== nobody) carried.caller = caller;
  if (idempotencyKey !== undefined) carried.idempotencyKey = idempotencyKey;
  if (deadline !== Number.POSITIVE_INFINITY) carried.timeoutMs = Math.min(mostTimeoutMs, Math.ceil(call.remainingMs));
  if (trace) propagation.inject(trace, carried, { set: setTrace });
  return carried;
}

/** A call that has travelled. Throws InvalidFields where its idempotency key is none. */
export function readCarriedCall(carried: CarriedCall, cancelled: CallInit["cancelled"]): Call {
  const { caller = nobody, requestId, idempotencyKey, timeoutMs = defaultTimeoutMs, traceparent } = carried;
  return new Call({
    caller,
    requestId: usableRequestId(requestId),
    idempotencyKey: checkIdempotencyKey(idempotencyKey),
    deadline: Date.now() + timeoutMs,
    trace: traceparent === "" ? undefined : propagation.extract(ROOT_CONTEXT, traceOf(carried)),
    ...(cancelled && { cancelled }),
  });
}

function setTrace(carried: CarriedCall, key: string, value: string): void {
  if (key === "traceparent" || key === "tracestate") carried[key] = value;
}

function traceOf({ traceparent, tracestate }: CarriedCall) {
  return tracestate === "" ? { traceparent } : { traceparent, tracestate };
}
