import { context, propagation } from "@opentelemetry/api";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Call, defaultTimeoutMs } from "../platform/rpc/call.ts";

/** How long a client may let a call take, in milliseconds. */
const longestTimeoutMs = 30_000;

/** How long a stream is kept open, in milliseconds; a client that wants more opens the next one. */
const streamTimeoutMs = 3_600_000;

/** The call that an admitted request leads to; `timeoutMs` is what the client asked for. */
export function unaryCall(request: FastifyRequest, cancelled: AbortSignal, timeoutMs = defaultTimeoutMs): Call {
  return callOf(request, cancelled, Math.min(timeoutMs, longestTimeoutMs));
}

/** The same for an RPC that answers with a stream. */
export function streamCall(request: FastifyRequest, cancelled: AbortSignal, timeoutMs = streamTimeoutMs): Call {
  return callOf(request, cancelled, Math.min(timeoutMs, streamTimeoutMs));
}

/** Aborted when the client goes away before it is answered. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

function callOf(request: FastifyRequest, cancelled: AbortSignal, timeoutMs: number): Call {
  const { traceparent } = request.headers;
  return new Call({
    caller: request.caller,
    requestId: request.id,
    idempotencyKey: request.idempotencyKey,
    deadline: Date.now() + timeoutMs,
    trace: traceparent === undefined ? undefined : propagation.extract(context.active(), request.headers),
    cancelled,
  });
}
