/**
 * A process for tests that stands still, as by `kill -STOP`, while it has a row of a table `things` locked. The arguments:
 * where the MySQL server is, and the database's name.
 */

import { openMysql } from "../database/mysql.ts";

const [url = "", name = ""] = process.argv.slice(2);

await openMysql(url, name, 1).transaction(async ({ run }) => {
  await run([{ sql: "SELECT id FROM things WHERE id = 1 FOR UPDATE", values: [] }]);
  process.kill(process.pid, "SIGSTOP");
});
