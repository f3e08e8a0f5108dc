import type { DescMethod } from "@bufbuild/protobuf";
import { status as codes } from "@grpc/grpc-js";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { DurationHistogram, type Durations } from "./durations.ts";
import type { Around } from "./rpc/dispatcher.ts";
import { codeOf } from "./rpc/status.ts";

/** A number for each service of the process, found out when it is read. */
export type ByService = Map<string, () => Promise<number>>;

/** What has been asked of a route. */
interface RouteSeries {
  readonly labels: { readonly route: string; readonly method: string };
  readonly durations: Durations;
  /** Requests by their status. */
  readonly answered: Map<number, number>;
}

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
  private readonly rpcs: DurationHistogram<"service" | "method" | "code">;
  private readonly requests: DurationHistogram<"route" | "method">;
  private readonly rpcSeries = new Map<DescMethod, ReadonlyMap<number, Durations>>();
  private readonly routeSeries = new Map<string, RouteSeries>();

  constructor() {
    const { registry, routeSeries, unsentEvents, deadLetters } = this;
    collectDefaultMetrics({ register: registry });
    this.rpcs = new DurationHistogram(registry, {
      name: "giftmesh_rpc_duration_seconds",
      help: "How long unary RPCs took to be answered in this process.",
    });
    this.requests = new DurationHistogram(registry, {
      name: "giftmesh_http_request_duration_seconds",
      help: "How long HTTP requests took to be answered.",
    });
    new Counter({
      name: "giftmesh_http_requests_total",
      help: "HTTP requests that were answered.",
      labelNames: ["route", "method", "status"],
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, answered } of routeSeries.values()) {
          for (const [status, requests] of answered) this.inc({ ...labels, status }, requests);
        }
      },
    });
    showByService(registry, "giftmesh_outbox_backlog", "Events that have not been sent.", unsentEvents);
    showByService(registry, "giftmesh_dead_letters", "Events that wait for an operator.", deadLetters);
  }

  /** Measures a dispatcher's unary calls. */
  readonly aroundRpc: Around = (method, call, run) => {
    const startedAt = performance.now();
    const observe = (code: number) => this.rpc(method, code).observe((performance.now() - startedAt) / 1_000);
    const answer = run(call);
    answer.then(
      () => observe(codes.OK),
      (error) => observe(codeOf(error)),
    );
    return answer;
  };

  /** Counts an HTTP request; `route` is the template of its path, and never the path. */
  readonly countRequest = (route: string, method: string, status: number, seconds: number): void => {
    const { durations, answered } = this.route(route, method);
    durations.observe(seconds);
    answered.set(status, (answered.get(status) ?? 0) + 1);
  };

  private rpc(method: DescMethod, code: number): Durations {
    const known = this.rpcSeries.get(method)?.get(code);
    if (known) return known;
    const labels = { service: method.parent.typeName, method: method.name, code: codes[code] ?? String(code) };
    const series = this.rpcs.with(labels);
    this.rpcSeries.set(method, new Map(this.rpcSeries.get(method)).set(code, series));
    return series;
  }

  private route(route: string, method: string): RouteSeries {
    const key = `${method} ${route}`;
    const known = this.routeSeries.get(key);
    if (known) return known;
    const labels = { route, method };
    const series = { labels, durations: this.requests.with(labels), answered: new Map() };
    this.routeSeries.set(key, series);
    return series;
  }
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
