import { ConnectError } from "@connectrpc/connect";
import { Refusal } from "../platform/refusal.ts";
import type { Failure } from "../platform/rpc/internal-error.ts";
import { statusOf } from "../platform/rpc/status.ts";
import { headersOf } from "./errors.ts";

/** A failure as Connect, gRPC-Web and their streams send it: the code, the google.rpc details, and the headers. */
export function connectErrorOf(failure: Failure, requestId: string): ConnectError {
  const firstRequestId = failure instanceof Refusal ? failure.requestId : undefined;
  const { code, message, details } = statusOf(failure, firstRequestId ?? requestId);
  const error = new ConnectError(message, code, headersOf(failure));
  error.details = details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
  return error;
}
