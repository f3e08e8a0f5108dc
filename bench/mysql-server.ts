import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { MysqlServer } from "../services/testing/mysql-server.ts";
import { root } from "../services/testing/processes.ts";

/** Room for a million cards in memory, and in the log: what whoever has so many gives a server of its own. */
const settings = [
  "--innodb-buffer-pool-size=2G",
  "--loose-innodb-log-file-size=2G",
  "--loose-innodb-redo-log-capacity=2G",
];

/**
 * Starts a MySQL or MariaDB of the bench's own, which ends with the stack; with DATABASE_URL it is that one that is measured
 * on. Its files are beside the project's, since a system's directory for passing files may be in memory. Without either the
 * benches that need one fail, and say so.
 */
export async function startMysql(stack: AsyncDisposableStack): Promise<void> {
  if (process.env.DATABASE_URL !== undefined) return;
  mkdirSync(`${root}.data`, { recursive: true });
  const directory = mkdtempSync(`${root}.data/mysql-`);
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const server = await MysqlServer.start(directory, settings);
  if (!server) return;
  stack.defer(() => server.stop());
  process.env.DATABASE_URL = server.url;
}
