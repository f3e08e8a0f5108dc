import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import test from "ava";
import { pino } from "pino";
import { ConfigError } from "../config.ts";
import { engines, testConfig } from "../testing/engines.ts";
import { eventually } from "../testing/eventually.ts";
import { isLockedOut, isTransient } from "./failures.ts";
import { createMysqlDatabase, openMysql } from "./mysql.ts";
import { openDatabase } from "./open.ts";

const mysql = engines().find(({ name }) => name === "MySQL");
const [silent, select] = [pino({ level: "silent" }), { sql: "SELECT 1 AS one", values: [] }];

/** What becomes of whoever comes before the gate is open. */
type TurnAway = (visitor: Socket, host: Socket) => void;

/** Stands before a server, and lets nobody in for a while. */
class Gate {
  readonly url: string;
  private readonly server: Server;
  private readonly lines = new Set<Socket>();
  private isOpen = false;

  static async before(url: string, turnAway: TurnAway): Promise<Gate> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Gate(server, new URL(url), turnAway);
  }

  private constructor(server: Server, target: URL, turnAway: TurnAway) {
    this.server = server;
    const { port } = server.address() as AddressInfo;
    this.url = Object.assign(new URL(target), { hostname: "127.0.0.1", port }).href;
    server.on("connection", (visitor) => {
      const host = createConnection({ host: target.hostname, port: Number(target.port || 3306) });
      visitor.on("error", () => host.destroy()).once("close", () => host.destroy());
      host.on("error", () => visitor.destroy());
      if (!this.isOpen) return turnAway(visitor, host);
      this.lines.add(visitor.pipe(host).pipe(visitor));
      visitor.once("close", () => this.lines.delete(visitor));
    });
  }

  open(): void {
    this.isOpen = true;
  }

  /** Nothing comes through to whoever is in, and nobody hears of it. */
  cut(): number {
    const { size } = this.lines;
    for (const line of this.lines) line.unpipe().removeAllListeners("data").resume();
    return size;
  }

  close(): void {
    this.server.close();
  }
}

const waysToTurnAway: Readonly<Record<string, TurnAway>> = {
  "turns everybody away": (visitor) => visitor.destroy(),
  "says nothing": () => {},
  "lets us in, and answers nothing": (visitor, host) => {
    host.pipe(visitor);
    visitor.once("data", (password) => host.write(password));
  },
};
const longerThanThePoolWaitsMs = 11_000;

if (mysql) {
  test.after.always(() => mysql.remove());

  const url = mysql.environment.DATABASE_URL ?? "";
  const open = (url: string) =>
    openDatabase("notes", [], testConfig(mysql, { ...mysql.environment, DATABASE_URL: url }), silent);

  for (const [what, turnAway] of Object.entries(waysToTurnAway)) {
    test(`a server that ${what} at first is waited for`, async (t) => {
      const gate = await Gate.before(url, turnAway);
      setTimeout(() => gate.open(), longerThanThePoolWaitsMs);
      const database = await open(gate.url);
      t.deepEqual(await database.select(select), [{ one: 1n }]);
      await database.close();
      gate.close();
    });
  }

  test("a server that says nothing any more is given up, and what is written is written over another connection", async (t) => {
    const gate = await Gate.before(url, () => {});
    gate.open();
    const [name, write] = [`${mysql.environment.DATABASE_PREFIX}notes`, { sql: "DO 1", values: [] }];
    await createMysqlDatabase(gate.url, name);
    const database = openMysql(gate.url, name, 1, 500);
    await database.commit([write]);
    t.is(gate.cut(), 1);
    t.true(isTransient(await t.throwsAsync(database.commit([write]))));
    await database.commit([write]);
    gate.cut();
    await database.write([write]);
    gate.cut();
    t.deepEqual(await database.transaction(({ run }) => run([select])), [[{ one: 1n }]]);
    const sleep = { sql: "SELECT SLEEP(1) AS slept", values: [] };
    await t.throwsAsync(database.transaction(({ run }) => run([sleep])));
    t.deepEqual(await database.snapshot(({ run }) => run([sleep])), [[{ slept: 0n }]]);
    t.deepEqual(await database.transaction(({ run }) => run([sleep]), { isLong: true }), [[{ slept: 0n }]]);
    await database.close();
    gate.close();
  });

  test("what was locked by a process that stands still is free again before long", async (t) => {
    const name = `${mysql.environment.DATABASE_PREFIX}locked`;
    await createMysqlDatabase(url, name);
    const database = openMysql(url, name, 1);
    await database.read.raw("CREATE TABLE things (id BIGINT PRIMARY KEY)");
    await database.commit([{ sql: "INSERT INTO things VALUES (1)", values: [] }]);
    const isLocked = async () => {
      try {
        await database.commit([{ sql: "SELECT id FROM things WHERE id = 1 FOR UPDATE", values: [] }]);
        return false;
      } catch (error) {
        if (!isLockedOut(error)) throw error;
        return true;
      }
    };
    const program = fileURLToPath(new URL("../testing/standing-process.ts", import.meta.url));
    const standing = spawn(process.execPath, [program, url, name], { stdio: "inherit" });
    t.teardown(() => standing.kill("SIGKILL"));
    await eventually(isLocked);
    await eventually(async () => !(await isLocked()));
    t.deepEqual([standing.exitCode, standing.signalCode], [null, null]);
    await database.close();
  });

  test("a server that does not let us in is not waited for", async (t) => {
    const wrong = Object.assign(new URL(url), { username: "nobody", password: "wrong" });
    const error = await t.throwsAsync(open(wrong.href), { instanceOf: ConfigError });
    t.regex(error?.message ?? "", /^DATABASE_URL: \S+ cannot be used: Access denied [^\n]+$/);
  });
} else test("DATABASE_URL names no MySQL to open databases on", (t) => t.pass());
