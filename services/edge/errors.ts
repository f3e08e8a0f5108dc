import type { FastifyReply } from "fastify";
import type { Logger } from "pino";
import { Refusal, type RefusalKind } from "../platform/refusal.ts";
import { type Failure, InternalError } from "../platform/rpc/internal-error.ts";
import { BodyTooLarge, MalformedRequest, RouteNotFound, UnsupportedMediaType } from "./refusals.ts";

const statuses: Readonly<Record<RefusalKind, number>> = {
  invalid: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  rule: 400,
  conflict: 409,
  too_many: 429,
  unavailable: 503,
};

/** The HTTP status of a failure. */
export function statusOf(failure: Failure): number {
  return failure instanceof Refusal ? statuses[failure.kind] : 500;
}

/** The headers that tell a client what to do about a failure. */
export function headersOf(failure: Failure): Record<string, string> {
  if (!(failure instanceof Refusal)) return {};
  const headers: Record<string, string> = {};
  if (failure.retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(failure.retryAfterSeconds));
  if (failure.kind === "unauthenticated") headers["www-authenticate"] = "Bearer";
  return headers;
}

/** The body of a failure, as the HTTP contract has it. */
export function bodyOf(failure: Failure, requestId: string): string {
  const fields = failure instanceof Refusal ? failure.fields : [];
  return JSON.stringify({
    success: false,
    message: failure.message,
    code: failure.reason,
    request_id: (failure instanceof Refusal ? failure.requestId : undefined) ?? requestId,
    ...(fields.length > 0 && { errors: errorsByField(fields) }),
  });
}

function errorsByField(fields: Refusal["fields"]): Record<string, string[]> {
  const errors = new Map<string, string[]>();
  for (const { field, description } of fields) {
    const descriptions = errors.get(field);
    if (descriptions) descriptions.push(description);
    else errors.set(field, [description]);
  }
  return Object.fromEntries(errors);
}

/** Turns whatever was thrown into what the client is told. What nobody expected is logged, and not told. */
export function httpFailureOf(error: unknown, requestId: string, log: Logger): Failure {
  if (error instanceof Refusal || error instanceof InternalError) return error;
  const refusal = refusalOfHttp(error);
  if (refusal) return refusal;
  log.error({ requestId, err: error }, "A request has failed");
  return new InternalError();
}

/** Answers a failure, as the HTTP contract has it. */
export function sendFailure(reply: FastifyReply, failure: Failure): FastifyReply {
  return reply
    .code(statusOf(failure))
    .headers(headersOf(failure))
    .header("content-type", "application/json; charset=utf-8")
    .send(bodyOf(failure, reply.request.id));
}

/** What Fastify and its plugins say of a request that breaks their rules. */
function refusalOfHttp(error: unknown): Refusal | undefined {
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new BodyTooLarge();
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new UnsupportedMediaType("application/json");
    case "FST_ERR_BAD_URL":
    case "FST_ERR_MAX_PARAM_LENGTH":
    case "FST_ERR_NOT_FOUND":
      return new RouteNotFound();
    default:
      return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500
        ? new MalformedRequest()
        : undefined;
  }
}
