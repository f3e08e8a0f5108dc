import { createServer } from "node:http";
import type { Registry } from "prom-client";
import type { Config } from "./config.ts";
import { startListener } from "./listener.ts";

/**
 * Shows a process that has no edge to those who run it: GET /metrics and GET /healthz. Answers how to stop it. Throws a
 * ConfigError where it cannot listen.
 */
export async function startMetricsServer(
  host: Config["host"],
  port: NonNullable<Config["metricsPort"]>,
  registry: Registry,
): Promise<() => Promise<void>> {
  const server = createServer(async ({ method, url }, response) => {
    const isRead = method === "GET" || method === "HEAD";
    if (isRead && url === "/metrics") {
      response.setHeader("content-type", registry.contentType);
      response.end(await registry.metrics());
    } else if (isRead && url === "/healthz") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ status: "ok" }));
    } else {
      response.writeHead(404).end();
    }
  });
  const { stop } = await startListener({ setting: "METRICS_PORT", port, title: "metrics", server }, host);
  return stop;
}
