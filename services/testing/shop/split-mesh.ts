import { setTimeout as sleep } from "node:timers/promises";
import { serviceNames } from "../../mesh.ts";
import { freePorts } from "../../platform/testing/free-ports.ts";
import { startServices, type TestProcess } from "../processes.ts";

/** A second payment process, which nobody calls: it sees to orders that it takes the first one to be dead for. */
export const recoverer = "payment, the second";

/** What each process runs. */
const services: ReadonlyMap<string, string> = new Map([
  ...serviceNames.map((name) => [name, name] as const),
  [recoverer, "payment"],
]);

/** The mesh with each service in a process of its own, to be killed and started again at the same address. */
export class SplitMesh {
  readonly edgeUrl: string;
  /** Where the voucher provider's stand-in is. */
  readonly voucherProviderUrl: string;
  private readonly environments: ReadonlyMap<string, Readonly<Record<string, string>>>;
  private readonly processes = new Map<string, TestProcess>();
  /** What processes that have ended have written. */
  private readonly said: string[] = [];

  /** Starts every service, and waits until they have found each other; `environment` is what they share. */
  static async start(environment: Readonly<Record<string, string>>): Promise<SplitMesh> {
    const mesh = new SplitMesh(environment, await freePorts(services.size + 3));
    await Promise.all(serviceNames.map((name) => mesh.restart(name)));
    while ((await fetch(`${mesh.edgeUrl}/readyz`)).status !== 200) await sleep(50);
    return mesh;
  }

  private constructor(
    environment: Readonly<Record<string, string>>,
    [edgePort, providerPort, callbackPort, ...ports]: readonly number[],
  ) {
    const names = [...services.keys()];
    const portOf = (name: string) => String(ports[names.indexOf(name)]);
    const addresses = serviceNames
      .filter((name) => name !== "edge")
      .map((name) => [`${name.toUpperCase().replaceAll("-", "_")}_ADDR`, `127.0.0.1:${portOf(name)}`]);
    const shared = {
      ...environment,
      ...Object.fromEntries(addresses),
      EDGE_PORT: String(edgePort),
      VOUCHER_PROVIDER_PORT: String(providerPort),
      VOUCHER_CALLBACK_PORT: String(callbackPort),
    };
    this.edgeUrl = `http://127.0.0.1:${edgePort}`;
    this.voucherProviderUrl = `http://127.0.0.1:${providerPort}`;
    this.environments = new Map(names.map((name) => [name, { ...shared, GRPC_PORT: portOf(name) }]));
  }

  /** Starts a service that has been killed, or the recoverer, and waits until it is ready. */
  async restart(name: string): Promise<void> {
    const service = services.get(name) ?? name;
    this.processes.set(name, await startServices([service], this.environments.get(name) ?? {}));
  }

  /** kill -9. */
  async kill(name: string): Promise<void> {
    const process = this.processes.get(name);
    await process?.end("SIGKILL");
    this.said.push(process?.output() ?? "");
  }

  /** Has a process stand still for a while: others take it for dead, and then it goes on with what it was at. */
  async suspend(name: string, forMs: number): Promise<void> {
    this.pause(name);
    await sleep(forMs);
    this.resume(name);
  }

  /** Has a process stand still until it is resumed, or killed. */
  pause(name: string): void {
    this.processes.get(name)?.child.kill("SIGSTOP");
  }

  resume(name: string): void {
    this.processes.get(name)?.child.kill("SIGCONT");
  }

  /** Has whatever stands still go on. */
  resumeAll(): void {
    for (const name of this.processes.keys()) this.resume(name);
  }

  /** Ends every service as an operator would; answers those that did not end well. */
  async stop(): Promise<string[]> {
    this.resumeAll();
    const codes = await Promise.all(
      Array.from(this.processes, async ([name, process]) => [name, await process.end("SIGTERM")] as const),
    );
    return codes.filter(([, code]) => code !== 0).map(([name, code]) => `${name} ended with ${code}`);
  }

  /** The lines that tell of failures which nobody expected, of all processes there were. */
  get failures(): string[] {
    const all = [...this.said, ...Array.from(this.processes.values(), (process) => process.output())];
    return all.flatMap((text) => text.split("\n")).filter((line) => /unexpected|dead letter|too often/i.test(line));
  }
}
