import type { FastifyInstance } from "fastify";
import type { Metrics } from "../platform/metrics.ts";

/** Counts every request that is answered, by its route's template: there may be codes in a URL. */
export function measureRequests(app: FastifyInstance, count: Metrics["countRequest"]): void {
  app.addHook("onResponse", (request, reply, done) => {
    const { method, routeOptions } = request;
    count(routeOptions.url ?? "none", method, reply.statusCode, reply.elapsedTime / 1_000);
    done();
  });
}
