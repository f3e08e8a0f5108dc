import { type Context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type SpanDescription, startSpan } from "../platform/tracing.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The trace context of what the request leads to; undefined where no traces are kept. */
    trace: Context | undefined;
  }
}

/** What machines ask every few seconds. */
const untraced: ReadonlySet<string | undefined> = new Set(["/healthz", "/readyz", "/metrics"]);

/** Has every request be a span, in its client's trace where it says that it is in one (W3C Trace Context). */
export function traceRequests(app: FastifyInstance): void {
  app.decorateRequest("trace");
  app.addHook("onRequest", (request, _reply, done) => {
    if (!untraced.has(request.routeOptions.url)) {
      const parent = propagation.extract(ROOT_CONTEXT, request.headers);
      const span = startSpan(() => describe(request), parent);
      if (span) request.trace = trace.setSpan(parent, span);
    }
    done();
  });
  app.addHook("onResponse", (request, { statusCode }, done) => {
    const span = request.trace && trace.getSpan(request.trace);
    if (span) {
      span.setAttribute("http.response.status_code", statusCode);
      if (statusCode >= 500) span.setAttribute("error.type", `${statusCode}`).setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    }
    done();
  });
}

/** By the semantic conventions for HTTP, but without the URL: there may be codes in it. */
function describe({ method, protocol, routeOptions: { url: route } }: FastifyRequest): SpanDescription {
  return {
    name: route === undefined ? method : `${method} ${route}`,
    kind: SpanKind.SERVER,
    attributes: { "http.request.method": method, "url.scheme": protocol, ...(route && { "http.route": route }) },
  };
}
