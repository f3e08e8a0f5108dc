import { type Context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isTracing, type SpanDescription, startSpan } from "../platform/tracing.ts";
import type { RequestObserver } from "./observers.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The trace context of what the request leads to; undefined where no traces are kept. */
    trace: Context | undefined;
  }
}

/** What machines ask every few seconds. */
const untraced: ReadonlySet<string | undefined> = new Set(["/healthz", "/readyz", "/metrics"]);

/** Has every request be a span, in its client's trace where it says that it is in one (W3C Trace Context). */
export function requestSpans(app: FastifyInstance): RequestObserver {
  app.decorateRequest("trace");
  return {
    begin(request) {
      if (!isTracing() || untraced.has(request.routeOptions.url)) return;
      const parent = propagation.extract(ROOT_CONTEXT, request.headers);
      const span = startSpan(() => describe(request), parent);
      if (span) request.trace = trace.setSpan(parent, span);
    },
    end(request, { statusCode }) {
      const span = request.trace && trace.getSpan(request.trace);
      if (!span) return;
      span.setAttribute("http.response.status_code", statusCode);
      if (statusCode >= 500) span.setAttribute("error.type", `${statusCode}`).setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** By the semantic conventions for HTTP, but without the URL: there may be codes in it. */
function describe({ method, protocol, routeOptions: { url: route } }: FastifyRequest): SpanDescription {
  return {
    name: route === undefined ? method : `${method} ${route}`,
    kind: SpanKind.SERVER,
    attributes: { "http.request.method": method, "url.scheme": protocol, ...(route && { "http.route": route }) },
  };
}
