import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../services/platform/testing/free-ports.ts";
import { root } from "../services/testing/processes.ts";

const patienceMs = 5_000;

/** A Redis of the bench's own. */
export interface RedisServer {
  readonly port: number;
  readonly pid: number;
}

/**
 * Starts a Redis that has every command on the disk before it answers it; it ends with the stack. Undefined where none
 * is installed. Its files are beside the project's, since a system's directory for passing files may be in memory.
 */
export async function startRedis(stack: AsyncDisposableStack): Promise<RedisServer | undefined> {
  mkdirSync(`${root}.data`, { recursive: true });
  const directory = mkdtempSync(`${root}.data/redis-`);
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const [port = 0] = await freePorts(1);
  const durably = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
  const options = ["--bind", "127.0.0.1", "--port", String(port), "--dir", directory, ...durably];
  const child = spawn("redis-server", options, { stdio: "ignore" });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  const { pid } = child;
  // The error that says why comes as an event, which is heard above.
  if (pid === undefined) return undefined;
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  stack.defer(async () => {
    child.kill("SIGTERM");
    await exited;
    process.off("exit", kill);
  });
  for (const since = Date.now(); !(await answers(port)); await sleep(20)) {
    if (Date.now() - since > patienceMs) throw new Error("The Redis that was started does not answer");
  }
  return { port, pid };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}
