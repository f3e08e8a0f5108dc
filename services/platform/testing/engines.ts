import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import knex from "knex";
import { pino } from "pino";
import { type Config, readConfig } from "../config.ts";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open.ts";
import type { Migration } from "../service.ts";

/** A place to keep data in for one test file, on one engine: what the environment would set, and how to be rid of it. */
export interface Engine {
  readonly name: "SQLite" | "MySQL";
  readonly environment: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** The NATS server to test against; undefined where NATS_URL names none. */
export function natsServer(): string | undefined {
  return process.env.NATS_URL || undefined;
}

/** The engines to test on, each with databases of its own: SQLite always, MySQL or MariaDB where DATABASE_URL names one. */
export function engines(): Engine[] {
  return process.env.DATABASE_URL ? [sqliteEngine(), mysqlEngine()] : [sqliteEngine()];
}

/** Files in a new directory of the system's. */
export function sqliteEngine(): Engine {
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-"));
  return {
    name: "SQLite",
    environment: { DATA_DIR: directory },
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Databases with a new prefix on a MySQL server: the one to test against. */
export function mysqlEngine(url = process.env.DATABASE_URL): Engine {
  if (!url) throw new Error("DATABASE_URL names no MySQL server");
  const prefix = `gmt_${randomBytes(5).toString("hex")}_`;
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-"));
  return {
    name: "MySQL",
    // The server takes 151 connections at first: several whole meshes are to fit, with a pool for each service.
    environment: { DATA_DIR: directory, DATABASE_URL: url, DATABASE_PREFIX: prefix, DATABASE_CONNECTIONS: "3" },
    remove: async () => {
      rmSync(directory, { recursive: true, force: true });
      const server = knex({ client: "mysql2", connection: url });
      const [rows] = await server.raw("SELECT schema_name AS name FROM information_schema.schemata");
      for (const { name } of rows) if (name.startsWith(prefix)) await server.raw("DROP DATABASE ??", [name]);
      await server.destroy();
    },
  };
}

/** The same engine, with other databases. */
export function anotherOf({ name }: Engine): Engine {
  return name === "MySQL" ? mysqlEngine() : sqliteEngine();
}

/** Every port is any that is free, so that nothing that runs is in the way of anything else. */
export const anyPorts = { EDGE_PORT: "0", GRPC_PORT: "0", VOUCHER_PROVIDER_PORT: "0", VOUCHER_CALLBACK_PORT: "0" };

/** Thousands sign up in the tests, and hardly any to have their password guessed. */
const passwordCost = { memory: 64, passes: 1, parallelism: 1 };

/**
 * A configuration for tests: the engine's, free ports, no logs, passwords that are hashed in no time, and whatever is
 * set on top.
 */
export function testConfig(engine: Engine, environment: Readonly<Record<string, string>> = {}): Config {
  const usual = { LOG_LEVEL: "error", ...anyPorts };
  return { ...readConfig({ ...usual, ...engine.environment, ...environment }), passwordCost };
}

/** A migrated database of one service. */
export function testDatabase(engine: Engine, service: string, migrations: readonly Migration[]): Promise<Database> {
  return openDatabase(service, migrations, testConfig(engine), pino({ level: "silent" }));
}
