import type { FastifyInstance } from "fastify";

/** What the edge is asked about itself. */
export interface Health {
  /** Whether requests can be answered now. */
  ready(): boolean | Promise<boolean>;
  /** The metrics in the text format of Prometheus 0.0.4. */
  metrics(): string | Promise<string>;
}

/** Serves what those who run the edge ask it: no token, no rate. */
export function serveHealth(app: FastifyInstance, { ready, metrics }: Health, stopping: AbortSignal): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const isReady = !stopping.aborted && (await ready());
    reply.code(isReady ? 200 : 503);
    return { status: isReady ? "ok" : "unavailable" };
  });
  app.get("/metrics", async (_request, reply) => {
    reply.header("content-type", "text/plain; version=0.0.4; charset=utf-8");
    return metrics();
  });
}
