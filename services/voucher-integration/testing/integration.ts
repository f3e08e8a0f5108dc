import type { Logger } from "pino";
import type { Config } from "../../platform/config.ts";
import type { Database, Row } from "../../platform/database/database.ts";
import type { EventTransport } from "../../platform/events/transport.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import type { Listening } from "../../platform/listener.ts";
import { Metrics } from "../../platform/metrics.ts";
import type { Clients } from "../../platform/rpc/handler.ts";
import type { Platform, ServiceDefinition } from "../../platform/service.ts";
import { voucherIntegration } from "../service.ts";
import { silent } from "./log.ts";

export interface IntegrationParts {
  readonly config: Config;
  readonly clients: Clients;
  readonly transport: EventTransport;
  readonly log?: Logger;
  /** Stands between the service and its database. */
  readonly wrapDatabase?: (database: Database) => Database;
}

/** One replica of voucher-integration. */
export class Integration {
  readonly database: Database;
  private readonly service: HostedService;
  private readonly listening: Listening;
  private readonly metrics: Metrics;
  private stopped: Promise<void> | undefined;

  /** Consumes from now on; begins once it is told to. */
  static async open({ wrapDatabase = (it) => it, log = silent, ...parts }: IntegrationParts): Promise<Integration> {
    const platform = Promise.withResolvers<Platform>();
    const definition: ServiceDefinition = {
      ...voucherIntegration,
      create: (given) => {
        platform.resolve(given);
        return voucherIntegration.create({ ...given, database: wrapDatabase(given.database) });
      },
    };
    const listening: Listening = new Map();
    const metrics = new Metrics();
    const service = await HostedService.open(definition, { ...parts, log, listening, metrics });
    service.consume();
    return new Integration((await platform.promise).database, service, listening, metrics);
  }

  private constructor(database: Database, service: HostedService, listening: Listening, metrics: Metrics) {
    this.database = database;
    this.service = service;
    this.listening = listening;
    this.metrics = metrics;
  }

  async begin(): Promise<void> {
    await this.service.listen();
    this.service.start();
  }

  /** Where it is called back. */
  get callbackUrl(): URL {
    return new URL("/api/voucher-code/vps/response", this.listening.get("VOUCHER_CALLBACK_PORT"));
  }

  /** All rows of all tables that a callback could change. */
  async everything(): Promise<Row[][]> {
    const tables = ["requests", "outbox"];
    return Promise.all(
      tables.map((table) => this.database.select({ sql: `SELECT * FROM ${table} ORDER BY id`, values: [] })),
    );
  }

  async requests(): Promise<Row[]> {
    return this.database.select({ sql: "SELECT * FROM requests ORDER BY id", values: [] });
  }

  /** Changes rows, as time or another hand would have. */
  async change(sql: string, ...values: bigint[]): Promise<void> {
    await this.database.transaction((tx) => tx.run([{ sql, values }]));
  }

  /** What /metrics shows of it, with this label where there is one. */
  async metric(name: string, label?: string): Promise<number> {
    const metric = await this.metrics.registry.getSingleMetric(`giftmesh_voucher_${name}`)?.get();
    const found = metric?.values.find(({ labels }) => !label || Object.values(labels).includes(label));
    return found?.value ?? 0;
  }

  stop(): Promise<void> {
    this.stopped ??= this.service.stop().then(() => this.service.close());
    return this.stopped;
  }
}
