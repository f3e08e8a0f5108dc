import type { ExecutionContext } from "ava";
import type { Config } from "../../config.ts";
import type { TokenVerifier } from "../../token-verifier.ts";
import { Dispatcher } from "../dispatcher.ts";
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../grpc-server.ts";
import type { Served } from "../handler.ts";
import { MeshClients } from "../mesh-clients.ts";
import { recordedLog } from "./log.ts";

type Settings = GrpcServerOptions["config"];

const usual: Settings = {
  production: false,
  host: "127.0.0.1",
  grpcPort: 0,
  grpcTls: undefined,
  grpcReflection: false,
};

/** What one process of a mesh has. */
export interface TestProcess {
  readonly server: GrpcServer;
  readonly address: string;
  readonly lines: Record<string, unknown>[];
}

/** Serves over gRPC on a free port of 127.0.0.1, until the test ends. */
export async function startProcess(
  t: ExecutionContext,
  served: readonly Served[],
  options: Partial<Settings> & { readonly tokens?: TokenVerifier } = {},
): Promise<TestProcess> {
  const { tokens, ...settings } = options;
  const { log, lines } = recordedLog();
  const dispatcher = new Dispatcher({ log });
  for (const one of served) dispatcher.add(one);
  const config = { ...usual, ...settings };
  const server = await startGrpcServer({ config, dispatcher, log, ...(tokens && { tokens }) });
  t.teardown(() => server.stop());
  return { server, address: `127.0.0.1:${server.port}`, lines };
}

/** Clients of a process that serves nothing itself, until the test ends. */
export function clientsOf(
  t: ExecutionContext,
  addresses: Config["addresses"],
  grpcTls: Config["grpcTls"] = undefined,
): MeshClients & { readonly lines: Record<string, unknown>[] } {
  const { log, lines } = recordedLog();
  const clients = new MeshClients({ config: { addresses, grpcTls }, dispatcher: new Dispatcher({ log }), log });
  t.teardown(() => clients.close());
  return Object.assign(clients, { lines });
}
