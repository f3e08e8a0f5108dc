import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { totalmem } from "node:os";
import { MysqlServer } from "../services/testing/mysql-server.ts";
import { root } from "../services/testing/processes.ts";

/** What whoever has millions of cards gives a server: half of the memory, and a log that is not full at once. */
const settings = [
  `--innodb-buffer-pool-size=${Math.floor(totalmem() / 2)}`,
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
