import { type Logger, pino } from "pino";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { HostedService } from "../../platform/hosted-service.ts";
import type { Listening } from "../../platform/listener.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import { type Engine, testConfig } from "../../platform/testing/engines.ts";
import type { Behaviour } from "../domain/behaviour.ts";
import type { ListedVoucher } from "../http/controls.ts";
import { providerSimulator } from "../service.ts";

const silent: Logger = pino({ level: "silent" });

/** The stand-in of the voucher provider, running alone. */
export class RunningSimulator {
  readonly url: string;
  private readonly service: HostedService;
  private stopped: Promise<void> | undefined;

  /** Starts it; `environment` is set on top of the engine's. */
  static async start(
    engine: Engine,
    environment: Readonly<Record<string, string>> = {},
    log = silent,
  ): Promise<RunningSimulator> {
    const config = testConfig(engine, { VOUCHER_PROVIDER_PORT: "0", ...environment });
    const clients = new MeshClients({ config, dispatcher: new Dispatcher({ log }), log });
    const listening: Listening = new Map();
    const surroundings = { config, clients, transport: new InProcessTransport(), log, listening };
    const service = await HostedService.open(providerSimulator, surroundings);
    await service.listen();
    service.start();
    return new RunningSimulator(service, listening.get("VOUCHER_PROVIDER_PORT")?.origin ?? "");
  }

  private constructor(service: HostedService, url: string) {
    this.service = service;
    this.url = url;
  }

  /** Asks for a voucher as the seed does; `headers` as well. */
  ask(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Told> {
    return this.call("POST", "/api/request/voucher", body, headers);
  }

  /** Has it behave so from now on; whatever is not named, well. */
  async behave(behaviour: Partial<Behaviour>): Promise<void> {
    const { status, body } = await this.call("PUT", "/simulator", behaviour);
    if (status !== 200) throw new Error(JSON.stringify(body));
  }

  /** What it has made, for one phone number where given. */
  async vouchers(phoneNumber?: string): Promise<ListedVoucher[]> {
    const query = phoneNumber === undefined ? "" : `?phoneNumber=${encodeURIComponent(phoneNumber)}`;
    return (await fetch(`${this.url}/vouchers${query}`)).json() as Promise<ListedVoucher[]>;
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Told> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: parse(text) };
  }

  stop(): Promise<void> {
    this.stopped ??= this.service.stop().then(() => this.service.close());
    return this.stopped;
  }
}

/** An answer of it. */
export interface Told {
  readonly status: number;
  readonly text: string;
  /** Empty where it is no JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

function parse(text: string): Told["body"] {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
