import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "./free-ports.ts";

/** A NATS server of a test's own, to be stopped, started and robbed of its store. */
export class Broker {
  readonly url: string;
  private readonly port: number;
  private readonly directory: string;
  private server: ChildProcess | undefined;

  /** Whether there is a nats-server to start. */
  static isInstalled(): boolean {
    return !spawnSync("nats-server", ["--version"]).error;
  }

  /** A server that has not been started. */
  static async prepare(): Promise<Broker> {
    const [port = 0] = await freePorts(1);
    return new Broker(port, mkdtempSync(join(tmpdir(), "giftmesh-nats-")));
  }

  private constructor(port: number, directory: string) {
    this.port = port;
    this.directory = directory;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** Undefined while it is stopped. */
  get pid(): number | undefined {
    return this.server?.pid;
  }

  /** Resolves once it answers. */
  async start(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(this.port), "-js", "-sd", join(this.directory, "store")];
    this.server = spawn("nats-server", args, { stdio: "ignore" });
    while (!(await answers(this.port))) await sleep(20);
  }

  async stop(): Promise<void> {
    if (!this.server) return;
    const exited = once(this.server, "exit");
    this.server.kill("SIGKILL");
    await exited;
    this.server = undefined;
  }

  /** While it is stopped: the store is gone. */
  loseStore(): void {
    rmSync(join(this.directory, "store"), { recursive: true, force: true });
  }

  /** While it is stopped: remembers the store as it is. */
  copyStore(): void {
    cpSync(join(this.directory, "store"), join(this.directory, "copy"), { recursive: true });
  }

  /** While it is stopped: the store is what it was when it was copied, as after a power failure. */
  loseSinceCopy(): void {
    this.loseStore();
    cpSync(join(this.directory, "copy"), join(this.directory, "store"), { recursive: true });
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
