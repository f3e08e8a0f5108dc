import type { Logger } from "pino";
import { isOutOfRoom, isUnanswered } from "../database/failures.ts";
import { Refusal, Unavailable } from "../refusal.ts";
import { traceIdOf } from "../tracing.ts";
import type { Call } from "./call.ts";

/**
 * Thrown to a caller when a handler failed in a way that nobody expected. What it was stands in the log of the process
 * where it happened, under the request's id, and nowhere else.
 */
export class InternalError extends Error {
  readonly reason = "INTERNAL";

  constructor() {
    super("Internal server error");
    this.name = "InternalError";
  }
}

/** All that the caller of an RPC can be thrown. */
export type Failure = Refusal | InternalError;

/** By how much a timer may be early: Node counts from the start of the turn of its loop. */
const timerSlackMs = 10;

/** What the caller is told of whatever a handler threw. What nobody expected is logged here, once. */
export function failureOf(error: unknown, method: string, call: Call, log: Logger): Failure {
  if (error instanceof Refusal || error instanceof InternalError) return error;
  if (isAbort(error) && (call.remainingMs <= timerSlackMs || call.cancelled?.aborted)) return new Unavailable();
  const { requestId, trace } = call;
  const about = { requestId, traceId: traceIdOf(trace), method, err: error };
  if (isUnanswered(error)) {
    log.error(about, "The database does not answer");
    return new Unavailable();
  }
  if (isOutOfRoom(error)) {
    log.error(about, "The database has no room left");
    return new Unavailable();
  }
  log.error(about, "A call failed unexpectedly");
  return new InternalError();
}

/** Whether a signal stopped the work, as `call.signal` does at the deadline. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
