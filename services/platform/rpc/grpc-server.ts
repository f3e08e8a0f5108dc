import { createSecureContext } from "node:tls";
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Logger } from "pino";
import { rest } from "../../../gen/giftmesh/common/v1/rest_pb.ts";
import { type Config, ConfigError, type GrpcTls } from "../config.ts";
import type { TokenVerifier } from "../token-verifier.ts";
import { settledWithin } from "../waiting.ts";
import { channelOptions } from "./channel.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { GrpcHandlers } from "./grpc-handlers.ts";
import { addReflection } from "./reflection.ts";

/** How long calls in progress have to end once the server is told to stop, in milliseconds. */
const drainMs = 4_500;

/** Calls in progress of one connection: an edge may have thousands of clients that wait for news, and others beside. */
const mostCalls = 20_000;

export interface GrpcServerOptions {
  readonly config: Pick<Config, "production" | "host" | "grpcPort" | "grpcTls" | "grpcReflection">;
  /** Whatever it serves by now is offered. */
  readonly dispatcher: Dispatcher;
  /** For callers that bear a token themselves; without, no token is good. */
  readonly tokens?: TokenVerifier;
  readonly log: Logger;
}

/** A gRPC server on one port, with health and reflection. */
export interface GrpcServer {
  readonly port: number;
  /** Health says NOT_SERVING, calls in progress end, then connections close; within 5 s. */
  stop(): Promise<void>;
}

/** Starts to listen. Throws a ConfigError where it cannot. */
export async function startGrpcServer({ config, dispatcher, tokens, log }: GrpcServerOptions): Promise<GrpcServer> {
  // grpc-js writes what it also throws to standard error, past the log.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({ ...channelOptions, "grpc.max_concurrent_streams": mostCalls });
  const handlers = new GrpcHandlers(dispatcher, { mutualTls: config.grpcTls !== undefined, tokens }, log);
  const methods = dispatcher.services.flatMap((service) => service.methods);
  handlers.register(server, config.production ? methods.filter((method) => !isForDevelopment(method)) : methods);

  const names = ["", ...dispatcher.services.map((one) => one.typeName)];
  const health = new HealthImplementation();
  for (const name of names) health.setStatus(name, "SERVING");
  health.addToServer(server);
  if (config.grpcReflection) addReflection(server, dispatcher.services);

  const port = await bind(server, config);
  return {
    port,
    async stop() {
      for (const name of names) health.setStatus(name, "NOT_SERVING");
      handlers.endWaits();
      await settledWithin(drainMs, new Promise((resolve) => server.tryShutdown(resolve)));
      server.forceShutdown();
    },
  };
}

function isForDevelopment(method: DescMethod): boolean {
  return getOption(method, rest).developmentOnly;
}

async function bind(server: Server, { host, grpcPort, grpcTls }: GrpcServerOptions["config"]): Promise<number> {
  const credentials = credentialsOf(grpcTls);
  const address = `${host.includes(":") ? `[${host}]` : host}:${grpcPort}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error) reject(new ConfigError(`GRPC_PORT: cannot listen on ${address} (${reasonOf(error)})`));
      else resolve(port);
    });
  });
}

function credentialsOf(tls: GrpcTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const { authority, certificate, key } = tls;
  try {
    createSecureContext({ ca: authority, cert: certificate, key });
  } catch (error) {
    throw new ConfigError(`GRPC_TLS_CERT, GRPC_TLS_KEY, GRPC_TLS_CA: cannot be used (${(error as Error).message})`);
  }
  return ServerCredentials.createSsl(authority, [{ private_key: key, cert_chain: certificate }], true);
}

/** grpc-js puts the system's error into a longer text: `EADDRINUSE`. */
function reasonOf(error: Error): string {
  return /\bE[A-Z]{3,}\b/.exec(error.message)?.[0] ?? error.message;
}
