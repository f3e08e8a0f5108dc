import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { parse } from "yaml";
import { serviceNames } from "./mesh.ts";
import { Broker } from "./platform/testing/broker.ts";
import { engines, natsServer } from "./platform/testing/engines.ts";
import { eventually } from "./platform/testing/eventually.ts";
import { freePorts } from "./platform/testing/free-ports.ts";
import { root, startCommand, startProcess, type TestProcess } from "./testing/processes.ts";
import { RestClient } from "./testing/rest-client.ts";

/** What of docker-compose.yml says how a container runs. */
interface Container {
  readonly image?: string;
  readonly build?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

const composed: {
  readonly services: Readonly<Record<string, Container>>;
  readonly volumes: Readonly<Record<string, unknown>>;
} = parse(readFileSync(join(root, "docker-compose.yml"), "utf8"), { merge: true });
const containers = composed.services;
const ours = Object.keys(containers).filter((name) => containers[name]?.build !== undefined);
const mysql = engines().find((engine) => engine.name === "MySQL");
const nats = natsServer();
const patienceMs = 60_000;

test("docker-compose.yml runs every service of the mesh, each in a container with a health check", (t) => {
  for (const name of serviceNames) {
    t.deepEqual(containers[name]?.command, [name]);
    t.truthy(containers[name]?.healthcheck);
  }
});

test("every container of docker-compose.yml has an image, and what it needs is there", (t) => {
  for (const [name, container] of Object.entries(containers)) {
    t.truthy(container?.image, name);
    for (const [needed, { condition }] of Object.entries(container?.depends_on ?? {})) {
      const { healthcheck } = containers[needed] ?? t.fail(`${name} needs ${needed}`);
      t.is(healthcheck !== undefined, condition === "service_healthy", `${name} waits for ${needed}`);
    }
    const volumes = container?.volumes ?? [];
    for (const volume of volumes) t.true((volume.split(":")[0] ?? "") in composed.volumes, `${name} has ${volume}`);
  }
});

test("the Dockerfile copies what a service needs, and starts it as `npm start` does", (t) => {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  for (const [, paths = ""] of dockerfile.matchAll(/^COPY (.+) \S+$/gm)) {
    for (const path of paths.split(" ")) t.true(existsSync(join(root, path)), path);
  }
  const [, entrypoint = ""] = /^ENTRYPOINT (.+)$/m.exec(dockerfile) ?? [];
  t.deepEqual(JSON.parse(entrypoint), ["node", ...startCommand]);
});

const whenServed = mysql && nats ? test : test.skip;
whenServed("every service of docker-compose.yml, as a process of its own, makes a mesh that works", async (t) => {
  t.timeout(3 * 60_000);
  if (!mysql || !nats) return;
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-compose-"));
  const broker = Broker.isInstalled() ? await Broker.prepare() : undefined;
  await broker?.start();
  const machine = new Machine(
    mysql.environment.DATABASE_URL ?? "",
    broker?.url ?? nats,
    directory,
    await portsOf(ours),
  );
  const processes = new Map<string, TestProcess>();
  try {
    for (const name of inStartOrder(ours)) {
      const container = containers[name] as Container;
      const environment = { ...machine.environmentOf(name, container), ...mysql.environment, ...machine.own(name) };
      const [script = "", ...args] = machine.translated([...entrypointOf(container), ...(container.command ?? [])]);
      const started = startProcess(script, args, environment);
      processes.set(name, started);
      if (container.healthcheck) await isHealthy(machine, name, container, environment, started);
      else t.is(await started.exited, 0, started.output());
    }

    const edge = new RestClient(`http://127.0.0.1:${machine.edgePort}`);
    const admin = await edge.login("admin", "change me at once");
    const { client, id } = await edge.newUser();
    const charged = await client.post("/members/me/points/charge", { amount: 200 });
    t.like(charged.body, { success: true, data: { balance: "200.00", currency: "SAR" } });
    t.like((await admin.get(`/members/${id}/points`)).body.data, { balance: "200.00" });
    const vendor = await admin.post("/admin-api/vendors", { name: "Flowers & Co" });
    const product = { vendor_id: vendor.body.data?.id, name: "Roses", price: 25, stock: 1 };
    const roses = await admin.post("/admin-api/products", product);
    const items = [{ product_id: roses.body.data?.id, quantity: 1 }];
    const { payment } = (await client.post("/order/me", { items })).body.data ?? {};
    const paid = await client.post(`/payment/${(payment as { id: number }).id}`);
    t.like(paid.body.data, { balance: "175.00", order: { status: "completed" } });
    const card = await client.post("/api/user/v3.1/gift-cards", { gift_type: "wallet", amount: 75 });
    t.like((await client.get("/members/me/points")).body.data, { balance: "100.00" });
    const redeemed = await client.post("/gift-cards/redeem", { code: card.body.data?.code });
    t.like(redeemed.body.data, { wallet: { balance: "175.00" } });
    const asked = await edge.post("/voucher?phoneNumber=0909123456");
    t.is(asked.status, 202, asked.text);
    const { request_id, watch_token } = asked.body.data ?? {};
    const watched = await edge.get(`/voucher/requests/${request_id}?token=${watch_token}&wait=30`);
    t.like(watched.body.data, { status: "delivered", channel: "web" });
    await eventually(async () => {
      const { text } = await new RestClient(machine.dataPlatformUrl).get("/events");
      return text.includes("order.paid");
    });
    t.like((await admin.get("/admin-api/ledger/audit")).body.data, { balanced: true });
    await client.post("/auth/logout");
    t.is((await client.get("/auth/me")).status, 401);

    for (const [name, process] of [...processes].reverse()) {
      if (containers[name]?.healthcheck) t.is(await process.end("SIGTERM"), 0, `${name} says ${process.output()}`);
    }
  } finally {
    for (const [name, process] of processes) {
      await process.end("SIGKILL");
      if (!t.passed) t.log(name, process.output());
    }
    await broker?.stop();
    await mysql.remove();
    rmSync(directory, { recursive: true, force: true });
  }
});

/** This machine in place of Docker's network and volumes. */
class Machine {
  readonly edgePort: number;
  private readonly databaseUrl: string;
  private readonly natsUrl: string;
  private readonly directory: string;
  private readonly ports: ReadonlyMap<string, number>;

  constructor(databaseUrl: string, natsUrl: string, directory: string, ports: ReadonlyMap<string, number>) {
    this.databaseUrl = databaseUrl;
    this.natsUrl = natsUrl;
    this.directory = directory;
    this.ports = ports;
    this.edgePort = ports.get("edge http") ?? 0;
  }

  get dataPlatformUrl(): string {
    return `http://127.0.0.1:${this.dataPlatformPort}`;
  }

  private get dataPlatformPort(): string {
    return this.portOf("data-platform");
  }

  private portOf(name: string): string {
    return String(this.ports.get(name));
  }

  /** What the file sets, with other hosts, ports and directories. */
  environmentOf(_name: string, { environment = {} }: Container): Record<string, string> {
    return Object.fromEntries(
      Object.entries(environment).map(([setting, value]) => [setting, this.translate(withDefault(String(value)))]),
    );
  }

  /** What Docker gives each container of its own. */
  own(name: string): Record<string, string> {
    return {
      DATA_DIR: join(this.directory, name),
      GRPC_PORT: String(this.ports.get(name)),
      EDGE_PORT: String(this.edgePort),
      VOUCHER_PROVIDER_PORT: this.portOf("voucher provider"),
      VOUCHER_CALLBACK_PORT: this.portOf("voucher callbacks"),
      LOG_LEVEL: "error",
    };
  }

  translated(words: readonly string[]): string[] {
    return words.map((word) => this.translate(word));
  }

  /** In a container's own health check `localhost` is that container. */
  checkOf(name: string, words: readonly string[]): string[] {
    return words.map((word) =>
      word
        .replace("localhost:50051", `127.0.0.1:${this.ports.get(name)}`)
        .replace("localhost:8080", `127.0.0.1:${this.edgePort}`)
        .replace("localhost:8090", `127.0.0.1:${this.dataPlatformPort}`),
    );
  }

  private translate(text: string): string {
    if (text.startsWith("mysql://")) return this.databaseUrl;
    if (text.startsWith("nats://")) return this.natsUrl;
    const service = /^([a-z-]+):50051$/.exec(text)?.[1];
    if (service) return `127.0.0.1:${this.ports.get(service)}`;
    if (text === "8090") return this.dataPlatformPort;
    if (text === "http://data-platform:8090/") return `http://127.0.0.1:${this.dataPlatformPort}/`;
    if (text === "http://provider-simulator:8081") return `http://127.0.0.1:${this.portOf("voucher provider")}`;
    if (text.startsWith("http://voucher-integration:8082/")) {
      return text.replace("voucher-integration:8082", `127.0.0.1:${this.portOf("voucher callbacks")}`);
    }
    return text.replace(/^\/certificates/, join(this.directory, "certificates"));
  }
}

async function portsOf(names: readonly string[]): Promise<Map<string, number>> {
  const all = [...names, "edge http", "voucher provider", "voucher callbacks"];
  const ports = await freePorts(all.length);
  return new Map(all.map((name, index) => [name, ports[index] ?? 0]));
}

/** `${NAME:-value}` is its value: the test sets none of them. */
function withDefault(text: string): string {
  return text.replace(/\$\{[A-Z_]+:-([^}]*)\}/g, "$1");
}

/** The script and arguments, without the `node` in front. */
function entrypointOf({ entrypoint }: Container): readonly string[] {
  return (entrypoint ?? ["node", "services/main.ts"]).slice(1);
}

/** Each after those that it depends on. */
function inStartOrder(names: readonly string[]): string[] {
  const ordered: string[] = [];
  const visit = (name: string) => {
    if (ordered.includes(name) || !names.includes(name)) return;
    for (const needed of Object.keys(containers[name]?.depends_on ?? {})) visit(needed);
    ordered.push(name);
  };
  for (const name of names) visit(name);
  return ordered;
}

/** Runs the container's own health check until it is content. */
async function isHealthy(
  machine: Machine,
  name: string,
  { healthcheck }: Container,
  environment: Readonly<Record<string, string>>,
  started: TestProcess,
): Promise<void> {
  const [, , ...words] = healthcheck?.test ?? [];
  const giveUpAt = Date.now() + patienceMs;
  let last = "";
  while (Date.now() < giveUpAt && started.child.exitCode === null) {
    const [script = "", ...args] = machine.checkOf(name, words);
    const check = startProcess(script, args, environment);
    if ((await check.exited) === 0) return;
    last = check.output();
    await sleep(200);
  }
  throw new Error(`${name} is not healthy: ${last}\n${started.output()}`);
}
