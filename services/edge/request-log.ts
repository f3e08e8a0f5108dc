import type { Logger } from "pino";
import { traceIdOf } from "../platform/tracing.ts";
import type { RequestObserver } from "./observers.ts";

/**
 * Logs a line for each request that is answered: errors of ours as errors, refusals as info, the rest as debug. It has
 * the route's template and never the URL: there may be codes in it.
 */
export function requestLog(log: Logger): RequestObserver {
  return {
    end(request, reply) {
      const { statusCode } = reply;
      const level = statusCode >= 500 ? "error" : statusCode >= 400 ? "info" : "debug";
      if (!log.isLevelEnabled(level)) return;
      const { id: requestId, method, routeOptions } = request;
      const durationMs = Math.round(reply.elapsedTime * 1_000) / 1_000;
      const answered = { requestId, method, route: routeOptions.url, status: statusCode, durationMs };
      log[level]({ ...answered, traceId: traceIdOf(request.trace) }, "Request answered");
    },
  };
}
