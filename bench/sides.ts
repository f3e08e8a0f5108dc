import knex, { type Knex } from "knex";
import { anyPorts, mysqlEngine, sqliteEngine } from "../services/platform/testing/engines.ts";
import { freePorts } from "../services/platform/testing/free-ports.ts";
import { startProcess, type TestProcess } from "../services/testing/processes.ts";
import { RestClient } from "../services/testing/rest-client.ts";
import { unlimited } from "../services/testing/running-mesh.ts";
import type { Workers } from "./footprint.ts";
import type { TokenMint } from "./token-mint.ts";

/** One side of a comparison over HTTP, running. */
export interface Side {
  readonly base: string;
  readonly workers: Workers;
  /** An admin's client, to put things onto the shelves. */
  readonly admin: RestClient;
}

/** Where a mesh is to keep its data. */
export interface Store {
  /** What says so. */
  readonly environment: Readonly<Record<string, string>>;
  /** The server that it commits to, if that is one. */
  readonly server: Knex | undefined;
}

/** A MySQL server to measure on; the databases made there go with the stack. */
export interface Mysql extends Store {
  readonly url: string;
  /** What the names of databases are to start with. */
  readonly prefix: string;
  readonly server: Knex;
}

/** Files of SQLite; they go with the stack. */
export function openSqlite(stack: AsyncDisposableStack): Store {
  const { environment, remove } = sqliteEngine();
  stack.defer(remove);
  return { environment, server: undefined };
}

/** Connects to the MySQL server. Throws where it does not flush at every commit. */
export async function openMysql(stack: AsyncDisposableStack): Promise<Mysql> {
  const engine = mysqlEngine();
  stack.defer(() => engine.remove());
  // As many connections as `npm start` has.
  const { DATABASE_CONNECTIONS: _, ...environment } = engine.environment;
  const { DATABASE_URL: url = "", DATABASE_PREFIX: prefix = "" } = environment;
  const server = knex({ client: "mysql2", connection: url, pool: { min: 0, max: 1 } });
  stack.defer(() => server.destroy());
  const [[row]] = await server.raw("SELECT @@innodb_flush_log_at_trx_commit AS mode");
  if (row.mode !== 1) throw new Error("The server does not flush at every commit: innodb_flush_log_at_trx_commit");
  return { url, prefix, environment, server };
}

/** Starts every service in one process, as `npm start` does, with rates that nobody meets. */
export async function startMesh(
  { environment, server }: Store,
  mint: TokenMint,
  stack: AsyncDisposableStack,
): Promise<Side> {
  const [edgePort, grpcPort] = await freePorts(2);
  const mesh = startProcess("services/main.ts", [], {
    LOG_LEVEL: "error",
    ...environment,
    ...unlimited,
    ...mint.environment,
    ...anyPorts,
    EDGE_PORT: String(edgePort),
    GRPC_PORT: String(grpcPort),
  });
  stack.defer(async () => void (await mesh.end()));
  await mesh.says("giftmesh is ready");
  return sideOf(`http://127.0.0.1:${edgePort}`, [pidOf(mesh)], server, mint);
}

/** Starts a script that says in one line where it listens; it ends with the stack. */
export async function startScript(
  script: string,
  args: readonly string[],
  stack: AsyncDisposableStack,
): Promise<{ readonly said: string; readonly pid: number }> {
  const started = startProcess(script, args, {});
  stack.defer(async () => void (await started.end()));
  await started.says(/^.+\n/);
  return { said: started.output().trim(), pid: pidOf(started) };
}

/** What a baseline is started with. */
export interface BaselineOptions {
  /** In bench/baselines. */
  readonly script: string;
  readonly args: readonly string[];
  readonly mint: TokenMint;
  /** The server that it commits to, if that is one. */
  readonly server: Knex | undefined;
  /** Processes that belong to it. */
  readonly helpers?: readonly number[];
}

/** Starts a baseline, with the options for Node that `npm start` has. */
export async function startBaseline(options: BaselineOptions, stack: AsyncDisposableStack): Promise<Side> {
  const { script, args, mint, server, helpers = [] } = options;
  const all = [...args, "--keys", mint.keysFile];
  const { said, pid } = await startScript(`bench/baselines/${script}`, all, stack);
  return sideOf(said, [pid, ...helpers], server, mint);
}

/** What listens at a base, and runs in these processes. */
export async function sideOf(
  base: string,
  pids: readonly number[],
  server: Knex | undefined,
  mint: TokenMint,
): Promise<Side> {
  return { base, workers: { pids, server }, admin: new RestClient(base, await mint.admin()) };
}

/** The id of a process that was started. */
export function pidOf({ child }: TestProcess): number {
  if (child.pid === undefined) throw new Error("A process has no id");
  return child.pid;
}

/** What an admin's post has made: its id. */
export async function make(admin: RestClient, path: string, body: object): Promise<number> {
  const { status, text, body: answer } = await admin.post(path, body);
  if (status !== 201) throw new Error(`${path} answered ${status}: ${text}`);
  return Number(answer.data?.id);
}
