import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import type { FastifyReply } from "fastify";
import { MalformedMessage, Refusal } from "../platform/refusal.ts";
import type { Failure } from "../platform/rpc/internal-error.ts";
import { statusOf } from "../platform/rpc/status.ts";
import { headersOf } from "./errors.ts";
import { BodyTooLarge } from "./refusals.ts";

/** A failure as Connect, gRPC-Web and their streams send it: the code, the google.rpc details, and the headers. */
export function connectErrorOf(failure: Failure, requestId: string): ConnectError {
  const firstRequestId = failure instanceof Refusal ? failure.requestId : undefined;
  const { code, message, details } = statusOf(failure, firstRequestId ?? requestId);
  const error = new ConnectError(message, code, headersOf(failure));
  error.details = details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
  return error;
}

/** Answers a failure as a unary Connect call has it; `httpStatus` where HTTP has a better one than the code's. */
export function sendConnectFailure(reply: FastifyReply, failure: Failure, httpStatus?: number): FastifyReply {
  const error = connectErrorOf(failure, reply.request.id);
  return reply
    .code(httpStatus ?? codeToHttpStatus(error.code))
    .headers(Object.fromEntries(error.metadata))
    .header("content-type", "application/json")
    .send(JSON.stringify(errorToJson(error, undefined)));
}

/**
 * Gives the Connect library's own errors the details that all of ours have. It tells nobody of them, but aborts the
 * call's signal with each before it sends it.
 */
export function explainConnectErrors(
  signal: AbortSignal,
  requestId: string,
  failureOf: (error: ConnectError) => Failure,
): void {
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    if (!(error instanceof ConnectError) || error.details.length > 0) return;
    const { code, rawMessage, details } = connectErrorOf(failureOf(error), requestId);
    error.details = details;
    // Bytes that it cannot read it takes for a fault of the server's.
    if (error.code === Code.Internal) Object.assign(error, { code, rawMessage });
  });
}

/** Why the library could not read a message. */
export function unreadRefusal({ code, rawMessage: message }: ConnectError, typeName: string): Refusal {
  switch (code) {
    case Code.ResourceExhausted:
      return new BodyTooLarge();
    case Code.Unimplemented:
      return new Refusal("invalid", { reason: "UNIMPLEMENTED", message });
    default:
      return new MalformedMessage(typeName);
  }
}
