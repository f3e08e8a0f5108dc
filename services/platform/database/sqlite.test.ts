import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import type { Database } from "./database.ts";
import { openSqlite } from "./sqlite.ts";

const insert = (id: bigint) => ({ sql: "INSERT INTO things VALUES (?)", values: [id] });

test("a file that is open twice in a process is written to in turn, and closed by the last", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-sqlite-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "things.sqlite");
  const [one, other] = [openSqlite(file), openSqlite(file)];
  await one.commit([{ sql: "CREATE TABLE things (id BIGINT PRIMARY KEY)", values: [] }]);
  const begun = Promise.withResolvers<void>();
  const first = one.transaction(async ({ run }) => {
    await run([insert(1n)]);
    begun.resolve();
    await sleep(20);
    await run([insert(2n)]);
  });
  await begun.promise;
  const write = (database: Database, id: bigint) =>
    database.batch([insert(id)], async () => ({ save: [insert(id + 1n)], result: undefined }));
  await Promise.all([first, write(other, 3n), write(one, 5n), other.commit([insert(7n)])]);
  await one.close();
  await other.commit([insert(8n)]);
  const rows = await other.select({ sql: "SELECT id FROM things ORDER BY rowid", values: [] });
  t.deepEqual(
    rows.map(({ id }) => id),
    [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n],
  );
  await other.close();
});
