import { status as codes } from "@grpc/grpc-js";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Around } from "./rpc/dispatcher.ts";
import { codeOf } from "./rpc/status.ts";

/** Upper bounds in seconds: from a call within the process to the longest deadline that a client may ask for. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

/** A number for each service of the process, found out when it is read. */
export type ByService = Map<string, () => Promise<number>>;

/**
 * What a process measures of itself, for Prometheus. Labels have few values: names from the proto files and from the
 * code, and never anything that a caller has sent.
 */
export class Metrics {
  readonly registry = new Registry();
  /** Events that have not been sent. */
  readonly unsentEvents: ByService = new Map();
  /** Events that their consumers have failed on for good. */
  readonly deadLetters: ByService = new Map();
  private readonly rpcs: Histogram<"service" | "method" | "code">;
  private readonly requests: Counter<"route" | "method" | "status">;
  private readonly requestDurations: Histogram<"route" | "method">;
  private readonly rpcSeries = findOnce((...values) => this.rpcs.labels(...values));
  private readonly requestSeries = findOnce((...values) => this.requests.labels(...values));
  private readonly requestDurationSeries = findOnce((...values) => this.requestDurations.labels(...values));

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.rpcs = new Histogram({
      name: "giftmesh_rpc_duration_seconds",
      help: "How long unary RPCs took to be answered in this process.",
      labelNames: ["service", "method", "code"],
      buckets,
      registers,
    });
    this.requests = new Counter({
      name: "giftmesh_http_requests_total",
      help: "HTTP requests that were answered.",
      labelNames: ["route", "method", "status"],
      registers,
    });
    this.requestDurations = new Histogram({
      name: "giftmesh_http_request_duration_seconds",
      help: "How long HTTP requests took to be answered.",
      labelNames: ["route", "method"],
      buckets,
      registers,
    });
    const { registry, unsentEvents, deadLetters } = this;
    showByService(registry, "giftmesh_outbox_backlog", "Events that have not been sent.", unsentEvents);
    showByService(registry, "giftmesh_dead_letters", "Events that wait for an operator.", deadLetters);
  }

  /** Measures a dispatcher's unary calls. */
  readonly aroundRpc: Around = async (method, call, run) => {
    const startedAt = performance.now();
    let code: number = codes.OK;
    try {
      return await run(call);
    } catch (error) {
      code = codeOf(error);
      throw error;
    } finally {
      this.rpcSeries(method.parent.typeName, method.name, codes[code] ?? String(code)).observe(secondsSince(startedAt));
    }
  };

  /** Counts an HTTP request; `route` is the template of its path, and never the path. */
  readonly countRequest = (route: string, method: string, status: number, seconds: number): void => {
    this.requestSeries(route, method, String(status)).inc();
    this.requestDurationSeries(route, method).observe(seconds);
  };
}

/** The series of some labels' values, each found once: that is dearer than to count in it. */
function findOnce<T>(find: (...values: string[]) => T): (...values: string[]) => T {
  const found = new Map<string, T>();
  return (...values) => {
    const key = values.join(" ");
    const known = found.get(key);
    if (known !== undefined) return known;
    const series = find(...values);
    found.set(key, series);
    return series;
  };
}

function showByService(registry: Registry, name: string, help: string, numbers: ByService): void {
  new Gauge({
    name,
    help,
    labelNames: ["service"],
    registers: [registry],
    async collect() {
      // What cannot be found out now is not shown; everything else is.
      const showing = [...numbers].map(async ([service, read]) =>
        read().then(
          (number) => this.set({ service }, number),
          () => this.remove({ service }),
        ),
      );
      await Promise.all(showing);
    },
  });
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}
