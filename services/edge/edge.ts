import type { Registry } from "@bufbuild/protobuf";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Config } from "../platform/config.ts";
import { portFailure } from "../platform/listener.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Invoker } from "../platform/rpc/invoker.ts";
import type { TokenVerifier } from "../platform/token-verifier.ts";
import { createAdmission } from "./admission.ts";
import { takeBodies } from "./bodies.ts";
import { serveConnect } from "./connect.ts";
import { serveConnectJson } from "./connect-json.ts";
import { registerDocs } from "./docs-page.ts";
import { type Health, serveHealth } from "./health.ts";
import { createHttp } from "./http.ts";
import { observeRequests } from "./observers.ts";
import { buildOpenApi } from "./openapi.ts";
import { requestLog } from "./request-log.ts";
import { requestMetrics } from "./request-metrics.ts";
import { requestSpans } from "./request-spans.ts";
import { serveRest } from "./rest.ts";
import type { RouteContext } from "./route-context.ts";
import { publicMethods } from "./routes.ts";

/** How long requests in progress may take to end once the edge stops, in milliseconds. */
const drainMs = 4_000;

/** How often connections that have become idle are closed then, in milliseconds. */
const sweepMs = 50;

/** What the edge stands on. */
export interface EdgeOptions extends Health {
  readonly config: Pick<
    Config,
    "host" | "edgePort" | "production" | "ratePerMinute" | "trustedProxies" | "corsOrigins"
  >;
  /** All that the mesh is made of, as descriptors. */
  readonly registry: Registry;
  readonly invoker: Invoker;
  readonly tokens: TokenVerifier;
  readonly log: Logger;
  /** Told of every request that is answered. */
  readonly countRequest?: Metrics["countRequest"];
}

/** The gateway: every public RPC of the mesh, by REST and by Connect. */
export interface Edge {
  /** Listens, and answers where. Throws a ConfigError where it may not listen there. */
  start(): Promise<URL>;
  /** Takes no new requests, ends streams, lets the others finish for 4 s at most, and closes. */
  stop(): Promise<void>;
}

/** Makes the gateway of a registry's public RPCs. Throws an Error that names the RPC whose options cannot be served. */
export async function createEdge(options: EdgeOptions): Promise<Edge> {
  const { config, registry, invoker, tokens, log } = options;
  const methods = publicMethods(registry).filter(({ rest }) => !(rest.developmentOnly && config.production));
  const stop = new AbortController();

  const { app, headers } = createHttp(config, log);
  observeRequests(app, [
    requestSpans(app),
    requestLog(log),
    ...(options.countRequest ? [requestMetrics(options.countRequest)] : []),
  ]);
  const admit = createAdmission(app, tokens, config.ratePerMinute);
  const context: RouteContext = { admit, headers, invoker, log, stopping: stop.signal };
  serveHealth(app, options, stop.signal);
  registerDocs(app, () => buildOpenApi(registry, config));
  await app.register(async (json) => {
    takeBodies(json);
    await serveRest(json, methods, context);
    serveConnectJson(json, methods, context);
  });
  serveConnect(app, methods, context);
  await app.ready();

  return {
    start: () => listen(app, config),
    stop: async () => {
      stop.abort();
      const { server } = app;
      // A connection that is kept alive is idle once its last answer is out, and would stay so for a minute.
      const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
      const cutOff = setTimeout(() => server.closeAllConnections(), drainMs);
      await app.close();
      clearInterval(sweep);
      clearTimeout(cutOff);
    },
  };
}

async function listen(app: FastifyInstance, { host, edgePort }: EdgeOptions["config"]): Promise<URL> {
  try {
    return new URL(await app.listen({ host, port: edgePort }));
  } catch (error) {
    throw portFailure(error, { setting: "EDGE_PORT", host, port: edgePort });
  }
}
