import { join } from "node:path";
import { Broker } from "../platform/testing/broker.ts";
import { MysqlServer } from "./mysql-server.ts";

/** Servers for one run of tests. */
export interface TestServers {
  /** What there is none of, and how it could be had; one line each. */
  readonly missing: readonly string[];
  /** Their data are of no use any more. */
  stop(): Promise<void>;
}

/** Whether a mesh of processes can be tested: there is a MySQL server, and NATS servers can be started. */
export function canRunProcesses(): boolean {
  return Boolean(process.env.DATABASE_URL) && Broker.isInstalled();
}

/**
 * Has tests run on MySQL and NATS too: on servers of the run's own, or on those that DATABASE_URL and NATS_URL name. What
 * is neither named nor installed is missing.
 */
export async function startServers(directory: string): Promise<TestServers> {
  const missing: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  if (!process.env.DATABASE_URL) {
    const mysql = await MysqlServer.start(join(directory, "mysql"));
    if (mysql) {
      process.env.DATABASE_URL = mysql.url;
      stops.push(() => mysql.stop());
    } else missing.push("MySQL: DATABASE_URL is not set, and neither mariadbd nor mysqld is installed");
  }
  if (!process.env.NATS_URL) {
    if (Broker.isInstalled()) {
      const nats = await Broker.prepare();
      await nats.start();
      process.env.NATS_URL = nats.url;
      stops.push(() => nats.remove());
    } else missing.push("NATS: NATS_URL is not set, and nats-server is not installed");
  }
  return {
    missing,
    async stop() {
      for (const stop of stops) await stop();
    },
  };
}
