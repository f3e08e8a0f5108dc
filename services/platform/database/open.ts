import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { type Config, ConfigError } from "../config.ts";
import type { Migration } from "../service.ts";
import type { Database } from "./database.ts";
import { isUnanswered } from "./failures.ts";
import { migrate } from "./migrate.ts";
import { createMysqlDatabase, openMysql } from "./mysql.ts";
import { openSqlite } from "./sqlite.ts";

/** How long a start waits for a database server that does not answer yet, in milliseconds. */
const patienceMs = 30_000;

/**
 * Opens a service's database, made and migrated if need be. Throws a ConfigError where it cannot be had; a server that
 * is not up yet is waited for, 30 s at most.
 */
export async function openDatabase(
  service: string,
  migrations: readonly Migration[],
  config: Config,
  log: Logger,
): Promise<Database> {
  const name = service.replaceAll("-", "_");
  const database = config.databaseUrl
    ? await openServer(config.databaseUrl, config.databasePrefix + name, config.databaseConnections, log)
    : openFile(config.dataDir, `${name}.sqlite`);
  try {
    await migrate(database, migrations);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openServer(url: string, name: string, connections: number, log: Logger): Promise<Database> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    try {
      await createMysqlDatabase(url, name);
      return openMysql(url, name, connections);
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      if (!isUnanswered(error) || Date.now() > giveUpAt) {
        throw new ConfigError(`DATABASE_URL: ${new URL(url).host} cannot be used: ${message || code}`);
      }
      log.warn({ host: new URL(url).host, code }, "waiting for the database");
      await sleep(500);
    }
  }
}

function openFile(directory: string, file: string): Database {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openSqlite(join(directory, file));
  } catch (error) {
    throw new ConfigError(`DATA_DIR: ${directory} cannot be written to: ${(error as Error).message}`);
  }
}
