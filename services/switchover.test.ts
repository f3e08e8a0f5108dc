import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import knex, { type Knex } from "knex";
import type { Database, Statement } from "./platform/database/database.ts";
import { isUnanswered } from "./platform/database/failures.ts";
import { createMysqlDatabase, openMysql } from "./platform/database/mysql.ts";
import { MysqlServer } from "./testing/mysql-server.ts";

const insert = (id: bigint): Statement => ({ sql: "INSERT INTO things VALUES (?)", values: [id] });
const whichConnection: Statement = { sql: "SELECT CONNECTION_ID() AS id", values: [] };

const ways: Readonly<Record<string, (database: Database, id: bigint) => Promise<unknown>>> = {
  "a commit": (database, id) => database.commit([insert(id)]),
  "a batch": (database, id) => database.batch([], async () => ({ save: [insert(id)], result: undefined })),
  "a transaction": (database, id) => database.transaction(({ run }) => run([insert(id)])),
  "a transaction of knex": (database, id) => database.transaction(({ knex }) => knex("things").insert({ id })),
  "the taking of numbers": (database) => database.takeNumbers("things", 1n),
};

/** A server of the test's own, seen by who rules it and by who only uses it; undefined where none is installed. */
async function startServer(t: ExecutionContext): Promise<{ root: Knex; database: Database } | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-switchover-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const server = await MysqlServer.start(directory);
  if (!server) return undefined;
  t.teardown(() => server.stop());
  await createMysqlDatabase(server.url, "giftmesh_things");
  const root = knex({ client: "mysql2", connection: `${server.url}/giftmesh_things` });
  t.teardown(() => root.destroy());
  await root.raw("CREATE TABLE things (id BIGINT PRIMARY KEY)");
  await root.raw("CREATE USER 'service'@'127.0.0.1' IDENTIFIED BY 'word'");
  await root.raw("GRANT ALL ON giftmesh_things.* TO 'service'@'127.0.0.1'");
  const url = Object.assign(new URL(server.url), { username: "service", password: "word" }).href;
  const database = openMysql(url, "giftmesh_things", 1);
  t.teardown(() => database.close());
  return { root, database };
}

test("a server that has become read-only is one that does not answer, and is not held on to", async (t) => {
  t.timeout(120_000);
  const found = await startServer(t);
  if (!found) return t.pass();
  const { root, database } = found;
  let id = 0n;
  for (const [what, write] of Object.entries(ways)) {
    await write(database, ++id);
    const [before] = await database.select(whichConnection);
    await root.raw("SET GLOBAL read_only = 1");
    t.true(isUnanswered(await t.throwsAsync(async () => write(database, ++id))), what);
    await root.raw("SET GLOBAL read_only = 0");
    if (what !== "the taking of numbers") t.notDeepEqual((await database.select(whichConnection))[0], before, what);
    await write(database, ++id);
  }
});

test("a user who has as many connections as may be is to come again", async (t) => {
  t.timeout(120_000);
  const found = await startServer(t);
  if (!found) return t.pass();
  const { root, database } = found;
  await root.raw("ALTER USER 'service'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1");
  await database.transaction(async ({ run }) => {
    await run([whichConnection]);
    t.true(isUnanswered(await t.throwsAsync(database.takeNumbers("things", 1n))));
  });
});
