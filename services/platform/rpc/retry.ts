import { setTimeout as sleep } from "node:timers/promises";
import { type DescMethod, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { type ServiceError, status } from "@grpc/grpc-js";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import { Refusal } from "../refusal.ts";
import { backoffMs } from "../waiting.ts";
import { accessOf } from "./access.ts";
import type { Call } from "./call.ts";
import type { Failure } from "./internal-error.ts";

const backoff = { firstMs: 50, mostMs: 2_000 };
const mostAttempts = 10;

/**
 * Whether a request may be sent again when nobody knows what became of it: it reads only (GET, or `Get…`, `List…`), or
 * its effect is known by an id that it carries itself (a string field `id`; a batch, where each of its requests does),
 * or by the idempotency key of a public RPC.
 */
export function carriesItsOwnId(method: DescMethod, request: Message, call: Call): boolean {
  return readsOnly(method) || hasId(request) || (call.idempotencyKey !== undefined && accessOf(method) !== undefined);
}

/** Remembered, since an option of an RPC takes longer to read than the rest of a call. */
const reads = new WeakMap<DescMethod, boolean>();

function readsOnly(method: DescMethod): boolean {
  const known = reads.get(method);
  if (known !== undefined) return known;
  const isRead = hasOption(method, http)
    ? getOption(method, http).pattern.case === "get"
    : /^(Get|List)[A-Z]/.test(method.name);
  reads.set(method, isRead);
  return isRead;
}

function hasId(request: Message): boolean {
  const { id, requests } = request as { readonly id?: unknown; readonly requests?: unknown };
  if (Array.isArray(requests)) return requests.every(hasId);
  return typeof id === "string" && id !== "";
}

/**
 * Whether an attempt failed in a way that another may not: UNAVAILABLE, and nothing else, be it the service or the
 * transport that says so.
 */
export function isWorthAnotherTry(error: Failure | ServiceError): boolean {
  return error instanceof Refusal ? error.kind === "unavailable" : "code" in error && error.code === status.UNAVAILABLE;
}

/** Runs attempts until one succeeds, or fails for good, or the next would come too late. Throws the last failure. */
export async function retrying<T>(call: Call, attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (attempts === mostAttempts || !isWorthAnotherTry(error as Failure | ServiceError)) throw error;
      const waitMs = Math.max(backoffMs(attempts, backoff), toldToWaitMs(error));
      if (waitMs >= call.remainingMs || call.cancelled?.aborted) throw error;
      await sleep(waitMs);
    }
  }
}

/** What the service said, where it was the service that is not available and not the way to it. */
function toldToWaitMs(error: unknown): number {
  return error instanceof Refusal ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
}
