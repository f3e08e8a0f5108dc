import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import type { EdgeOptions } from "./edge/edge.ts";
import { type Config, ConfigError } from "./platform/config.ts";
import { serveDeadLetters } from "./platform/events/dead-letter-service.ts";
import { openTransport } from "./platform/events/open-transport.ts";
import type { EventTransport } from "./platform/events/transport.ts";
import { HostedService } from "./platform/hosted-service.ts";
import type { Listening } from "./platform/listener.ts";
import { Metrics } from "./platform/metrics.ts";
import { startMetricsServer } from "./platform/metrics-server.ts";
import { readinessOf } from "./platform/readiness.ts";
import { type Around, Dispatcher } from "./platform/rpc/dispatcher.ts";
import { type GrpcServer, startGrpcServer } from "./platform/rpc/grpc-server.ts";
import { MeshClients } from "./platform/rpc/mesh-clients.ts";
import { serverSpan } from "./platform/rpc/rpc-spans.ts";
import type { ServiceDefinition } from "./platform/service.ts";
import { Tokens } from "./platform/tokens.ts";
import { inSpan, startTracing } from "./platform/tracing.ts";

/** Every service with data of its own, loaded when it is to run. */
const definitions: Readonly<Record<string, () => Promise<ServiceDefinition>>> = {
  profile: async () => (await import("./profile/service.ts")).profile,
  wallet: async () => (await import("./wallet/service.ts")).wallet,
  notification: async () => (await import("./notification/service.ts")).notification,
  catalog: async () => (await import("./catalog/service.ts")).catalog,
  voucher: async () => (await import("./voucher/service.ts")).voucher,
  payment: async () => (await import("./payment/service.ts")).payment,
  "gift-card": async () => (await import("./gift-card/service.ts")).giftCard,
  "voucher-integration": async () => (await import("./voucher-integration/service.ts")).voucherIntegration,
  "provider-simulator": async () => (await import("./provider-simulator/service.ts")).providerSimulator,
};

/** Stands in for what is not ours, where there is none of it. */
const standIn = "provider-simulator";

/** Everything that a process can run. */
export const serviceNames: readonly string[] = [...Object.keys(definitions), "edge"];

/** The services of one process, running. */
export interface Mesh {
  /** Where clients come in; undefined where the edge runs elsewhere. */
  readonly edgeUrl: URL | undefined;
  /** Where other processes and developers come in; undefined where only the edge runs here. */
  readonly grpcPort: number | undefined;
  /** Where its services take HTTP on ports of their own, by the settings of these. */
  readonly listening: ReadonlyMap<string, URL>;
  /** Lines for whoever started it. */
  readonly announcements: readonly string[];
  /** Takes no new calls, finishes those under way within 5 s, and closes. */
  stop(): Promise<void>;
}

/**
 * Starts the named services in this process, and guests: those that are no part of the mesh and have a place in it. Throws
 * a ConfigError where a setting or the machine does not allow it.
 */
export async function startMesh(
  names: readonly string[],
  config: Config,
  log: Logger,
  guests: readonly ServiceDefinition[] = [],
): Promise<Mesh> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    return { ...(await start({ names, guests }, config, log, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Puts onto `stops` how to undo each step; they are run from the last to the first. */
async function start({ names, guests }: Party, config: Config, log: Logger, stops: (() => unknown)[]) {
  if (config.otlpEndpoint) {
    const [name, ...others] = names;
    const serviceName = name === undefined || others.length > 0 ? "giftmesh" : name;
    stops.push(await startTracing(config.otlpEndpoint, serviceName, log));
  }
  const metrics = new Metrics();
  const dispatcher = new Dispatcher({ log, around: traceAndMeasure(metrics) });
  const clients = new MeshClients({ config, dispatcher, log });
  stops.push(() => clients.close());
  const tokens = new Tokens({ clients, tokenLifetimeSeconds: config.tokenLifetimeSeconds, log });

  const transport = await openTransport(config, log);
  const listening: Listening = new Map();
  const around = { config, clients, transport, log, metrics, listening };
  const services = await hostServices({ names, guests }, around, stops);
  stops.push(() => transport.close());
  for (const service of services) service.serve(dispatcher);
  if (services.length > 0) dispatcher.add(serveDeadLetters(services.map((service) => service.deadLetters)));
  for (const service of services) service.consume();
  for (const service of services) {
    stops.push(() => service.stop());
    await service.listen();
  }
  for (const service of services) service.start();

  tokens.start();
  stops.push(() => tokens.stop());
  let grpc: GrpcServer | undefined;
  if (services.length > 0) {
    grpc = await startGrpcServer({ config, dispatcher, tokens, log });
    stops.push(() => grpc?.stop());
  }
  const hasEdge = names.includes("edge");
  if (!hasEdge && config.metricsPort !== undefined) {
    stops.push(await startMetricsServer(config.host, config.metricsPort, metrics.registry));
  }
  const remoteNames = Object.keys(definitions).filter((name) => name in config.addresses && !names.includes(name));
  const areThere = readinessOf([...services, ...remoteNames.map((name) => clients.healthOf(name))]);
  const ready = async () => tokens.ready && (await areThere());
  return {
    edgeUrl: hasEdge ? await startEdge({ config, clients, tokens, log, metrics, ready }, stops) : undefined,
    grpcPort: grpc?.port,
    listening,
    announcements: services.flatMap((service) => service.announcements),
  };
}

/** Who is in a process. */
interface Party {
  readonly names: readonly string[];
  readonly guests: readonly ServiceDefinition[];
}

/** What the services and the edge of a process share. */
interface Shared {
  readonly config: Config;
  readonly clients: MeshClients;
  readonly log: Logger;
  readonly metrics: Metrics;
}

async function hostServices(
  { names, guests }: Party,
  surroundings: Shared & { readonly transport: EventTransport; readonly listening: Listening },
  stops: (() => unknown)[],
): Promise<HostedService[]> {
  const named = Object.entries(definitions).filter(([name]) => names.includes(name));
  const loaders = [...named.map(([, load]) => load), ...guests.map((guest) => async () => guest)];
  const hosted = await Promise.allSettled(loaders.map(async (load) => HostedService.open(await load(), surroundings)));
  const services = hosted.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  for (const service of services) stops.push(() => service.close());
  for (const one of hosted) if (one.status === "rejected") throw one.reason;
  return services;
}

async function startEdge(
  { config, clients, tokens, log, metrics, ready }: Shared & Pick<EdgeOptions, "tokens" | "ready">,
  stops: (() => unknown)[],
): Promise<URL> {
  const { createEdge } = await import("./edge/edge.ts");
  const registry = readDescriptors();
  const edge = await createEdge({
    config,
    registry,
    invoker: clients,
    tokens,
    log,
    ready,
    metrics: () => metrics.registry.metrics(),
    countRequest: metrics.countRequest,
  });
  stops.push(() => edge.stop());
  return edge.start();
}

function traceAndMeasure(metrics: Metrics): Around {
  return (method, call, run) =>
    metrics.aroundRpc(method, call, (measured) => inSpan(() => serverSpan(method), measured, run));
}

/** Everything in proto/, with its comments. */
export function readDescriptors() {
  const bytes = readFileSync(new URL("../gen/descriptors.binpb", import.meta.url));
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
}

/**
 * The services to run: those named, or all; of these the voucher provider's stand-in only in development, and where there
 * is no provider. Throws a ConfigError for a name that is none, and where some run here and some elsewhere with nothing to
 * carry the events between them.
 */
export function namedServices(
  names: readonly string[],
  { natsUrl, production, voucherProvider }: Pick<Config, "natsUrl" | "production" | "voucherProvider">,
): readonly string[] {
  const unknown = names.find((name) => !serviceNames.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`There is no service ${unknown}; there are ${serviceNames.join(", ")}`);
  const needsStandIn = !production && voucherProvider.url === undefined;
  if (names.length === 0) return serviceNames.filter((name) => name !== standIn || needsStandIn);
  // The stand-in has no events.
  const withEvents = Object.keys(definitions).filter((name) => name !== standIn);
  const here = withEvents.filter((name) => names.includes(name));
  if (here.length > 0 && here.length < withEvents.length && !natsUrl) {
    throw new ConfigError("NATS_URL: needed where services run in several processes, for the events between them");
  }
  return names;
}
