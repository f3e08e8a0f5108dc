import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import knex from "knex";
import { freePorts } from "../platform/testing/free-ports.ts";

/** How long a new server may take until it answers, in milliseconds. */
const patienceMs = 60_000;

const usual = [
  "--bind-address=127.0.0.1",
  // Every test file has a mesh or two, of which every service has connections of its own.
  "--max-connections=1000",
  "--loose-mysqlx=OFF",
  // The usual directory is another user's.
  "--secure-file-priv=",
];

/** A MySQL or MariaDB server of one's own, with the settings that it has by itself: it flushes at every commit. */
export class MysqlServer {
  readonly url: string;
  private readonly child: ChildProcess;

  /** Starts one that keeps its data in a directory, with some settings more. Undefined where none is installed. */
  static async start(directory: string, settings: readonly string[] = []): Promise<MysqlServer | undefined> {
    const program = ["mariadbd", "mysqld"].find((name) => !spawnSync(name, ["--version"]).error);
    if (program === undefined) return undefined;
    const data = join(directory, "data");
    mkdirSync(data, { recursive: true });
    const places = ["--no-defaults", `--datadir=${data}`, `--user=${userInfo().username}`];
    const [install, ...args] =
      program === "mariadbd"
        ? ["mariadb-install-db", ...places, "--auth-root-authentication-method=normal", "--skip-test-db"]
        : [program, ...places, "--initialize-insecure"];
    const { status, stderr, stdout } = spawnSync(install as string, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${install} has failed:\n${stdout}${stderr}`);
    const [port = 0] = await freePorts(1);
    const files = [`--socket=${join(directory, "socket")}`, `--pid-file=${join(directory, "pid")}`];
    const child = spawn(program, [...places, ...files, ...usual, ...settings, `--port=${port}`], { stdio: "ignore" });
    const server = new MysqlServer(`mysql://root@127.0.0.1:${port}`, child);
    await server.answers();
    return server;
  }

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.child = child;
    process.once("exit", () => child.kill("SIGKILL"));
  }

  /** Its data are of no use any more. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exited;
  }

  private async answers(): Promise<void> {
    // It is asked until it answers: that it does not yet is no news.
    const client = knex({ client: "mysql2", connection: this.url, log: { warn: () => {} } });
    const giveUpAt = Date.now() + patienceMs;
    try {
      for (;;) {
        try {
          await client.raw("SELECT 1");
          return;
        } catch (error) {
          if (this.child.exitCode !== null || Date.now() > giveUpAt) throw error;
          await sleep(100);
        }
      }
    } finally {
      await client.destroy();
    }
  }
}
