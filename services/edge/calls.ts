import type { DescMethod } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Call, type CallInit } from "../platform/rpc/call.ts";
import { usualTimeoutMs, waitsForNews } from "../platform/rpc/timeouts.ts";

/** How long a client may let a call take, in milliseconds. */
const longestTimeoutMs = 30_000;

/** How long a stream is kept open, in milliseconds; a client that wants more opens the next one. */
const streamTimeoutMs = 3_600_000;

type Cancelled = NonNullable<CallInit["cancelled"]>;

/** The call of an RPC that an admitted request leads to; `timeoutMs` is what the client asked for. */
export function unaryCall(method: DescMethod, request: FastifyRequest, cancelled: Cancelled, timeoutMs?: number): Call {
  const usualMs = usualTimeoutMs(method);
  return callOf(request, cancelled, Math.min(timeoutMs ?? usualMs, Math.max(longestTimeoutMs, usualMs)));
}

/** The same for an RPC that answers with a stream. */
export function streamCall(request: FastifyRequest, cancelled: Cancelled, timeoutMs = streamTimeoutMs): Call {
  return callOf(request, cancelled, Math.min(timeoutMs, streamTimeoutMs));
}

/** When the call of an RPC is cancelled that a reply is to answer: also where the edge stops, if it waits for news. */
export function cancelledSignal(method: DescMethod, reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = goneSignal(reply);
  return waitsForNews(method) ? AbortSignal.any([gone, stopping]) : gone;
}

/** Aborted when the client goes away before it is answered. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const abortUnlessAnswered = () => {
    if (!raw.writableFinished) gone.abort();
  };
  if (raw.destroyed) abortUnlessAnswered();
  else raw.once("close", abortUnlessAnswered);
  return gone.signal;
}

function callOf(request: FastifyRequest, cancelled: Cancelled, timeoutMs: number): Call {
  return new Call({
    caller: request.caller,
    requestId: request.id,
    idempotencyKey: request.idempotencyKey,
    deadline: Date.now() + timeoutMs,
    trace: request.trace,
    cancelled,
  });
}
