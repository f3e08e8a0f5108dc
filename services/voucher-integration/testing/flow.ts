import test, { type ExecutionContext } from "ava";
import type { Logger } from "pino";
import type { Database } from "../../platform/database/database.ts";
import type { EventTransport } from "../../platform/events/transport.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import { type Engine, engines, mysqlEngine, sqliteEngine, testConfig } from "../../platform/testing/engines.ts";
import { inProcessTestTransport, type TestTransport } from "../../platform/testing/event-mesh.ts";
import { RunningSimulator } from "../../provider-simulator/testing/running-simulator.ts";
import { Asker, voucherKeys } from "./asker.ts";
import { Integration } from "./integration.ts";
import { silent } from "./log.ts";

const newEngine = { SQLite: sqliteEngine, MySQL: mysqlEngine };
const found = engines();
const engineNames = found.map(({ name }) => name);
await Promise.all(found.map((engine) => engine.remove()));

/** Shorter than the seed's, but so long that no code is late only because the machine is busy. */
const shortTimes = {
  VOUCHER_ACK_AFTER_MS: "150",
  VOUCHER_LATE_AFTER_MS: "15000",
  VOUCHER_GIVE_UP_AFTER_MS: "30000",
};

type Environment = Readonly<Record<string, string>>;

export interface IntegrationOptions {
  readonly environment?: Environment;
  readonly log?: Logger;
  readonly wrapDatabase?: (database: Database) => Database;
}

/** What a test stands on: databases of its own, and what is stopped when it ends. */
export class Scene {
  readonly engine: Engine;
  /** The events' transport. */
  readonly transport: TestTransport;
  /** What is set everywhere. */
  readonly environment: Environment;
  private opened: EventTransport | undefined;
  private readonly stops: (() => unknown)[] = [];

  constructor(engine: Engine, transport: TestTransport, environment: Environment = {}) {
    this.engine = engine;
    this.transport = transport;
    this.environment = { ...shortTimes, VOUCHER_KEYS: voucherKeys, ...environment };
  }

  /** Starts the provider's stand-in; on a port that is given, or any. */
  async simulator(port = 0): Promise<RunningSimulator> {
    const environment = { ...this.environment, VOUCHER_PROVIDER_PORT: String(port) };
    const simulator = await RunningSimulator.start(this.engine, environment);
    this.atEnd(() => simulator.stop());
    return simulator;
  }

  /** Opens whoever wants codes. */
  async asker(): Promise<Asker> {
    const asker = await Asker.start(...this.surroundings());
    this.atEnd(() => asker.stop());
    return asker;
  }

  /** Opens a replica that asks a provider at this address. */
  async integration(url: string, options: IntegrationOptions = {}): Promise<Integration> {
    const [config, clients, transport] = this.surroundings({ VOUCHER_PROVIDER_URL: url, ...options.environment });
    const integration = await Integration.open({ config, clients, transport, ...options });
    this.atEnd(() => integration.stop());
    return integration;
  }

  /** All of it, running: the usual. */
  async start(options: IntegrationOptions = {}): Promise<{
    readonly simulator: RunningSimulator;
    readonly integration: Integration;
    readonly asker: Asker;
  }> {
    const simulator = await this.simulator();
    const integration = await this.integration(simulator.url, options);
    const asker = await this.asker();
    await integration.begin();
    asker.begin();
    return { simulator, integration, asker };
  }

  atEnd(stop: () => unknown): void {
    this.stops.push(stop);
  }

  async end(): Promise<void> {
    try {
      for (const stop of this.stops.splice(0).reverse()) await stop();
      await this.opened?.close();
    } finally {
      await this.transport.remove();
      await this.engine.remove();
    }
  }

  private surroundings(environment: Environment = {}): [ReturnType<typeof testConfig>, MeshClients, EventTransport] {
    const config = testConfig(this.engine, { ...this.environment, ...environment });
    const clients = new MeshClients({ config, dispatcher: new Dispatcher({ log: silent }), log: silent });
    this.opened ??= this.transport.open();
    return [config, clients, this.opened];
  }
}

/** Declares a test on every engine, each with databases of its own. */
export function flow(
  title: string,
  run: (t: ExecutionContext, scene: Scene) => Promise<void>,
  { on = engineNames, environment = {}, newTransport = inProcessTestTransport }: FlowOptions = {},
): void {
  for (const name of engineNames.filter((one) => on.includes(one))) {
    test.serial(`${title} (${name})`, async (t) => {
      const scene = new Scene(newEngine[name](), newTransport(), environment);
      try {
        await run(t, scene);
      } finally {
        await scene.end();
      }
    });
  }
}

export interface FlowOptions {
  readonly on?: readonly Engine["name"][];
  readonly environment?: Environment;
  readonly newTransport?: () => TestTransport;
}
