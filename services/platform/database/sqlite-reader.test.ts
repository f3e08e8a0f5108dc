import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { SqliteConnection } from "./sqlite-connection.ts";
import { SqliteReader } from "./sqlite-reader.ts";

const directory = mkdtempSync(join(tmpdir(), "giftmesh-reader-"));
const file = join(directory, "cards.sqlite");
const writer = new SqliteConnection(file, "write");
writer.run({ sql: "CREATE TABLE cards (id INTEGER PRIMARY KEY, name, code)", values: [] });
const reader = new SqliteReader(file);

test.after.always(() => {
  reader.close();
  writer.close();
  rmSync(directory, { recursive: true });
});

const echo = "SELECT ? AS one, ? AS other";

test("what several ask for at once is read once, and each has an answer of their own", async (t) => {
  const statement = { sql: echo, values: ["a", 1n] };
  const [first = [], second = []] = await Promise.all([reader.select(statement), reader.select({ ...statement })]);
  t.deepEqual(first, [{ one: "a", other: 1n }]);
  t.is(first[0], second[0]);
  first.pop();
  t.is(second.length, 1);
});

test("what is asked later is read anew", async (t) => {
  const statement = { sql: "SELECT name FROM cards WHERE id = ?", values: [1n] };
  t.deepEqual(await reader.select(statement), []);
  writer.run({ sql: "INSERT INTO cards (id, name) VALUES (1, 'Birthday')", values: [] });
  t.deepEqual(await reader.select(statement), [{ name: "Birthday" }]);
});

test("values that only look alike are each read by themselves", async (t) => {
  const values = [
    ["a", "b"],
    ["a,b", ""],
    ['a","b', ""],
    ["1", "2"],
    [1n, 2n],
    [12n, null],
    ["", "null"],
    ["", null],
    [Buffer.from("a"), null],
    [Buffer.from("b"), null],
    ["xYQ==", null],
    [null, Buffer.from("a")],
  ];
  const answers = await Promise.all(values.map((pair) => reader.select({ sql: echo, values: pair })));
  const plain = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value) : value);
  t.deepEqual(
    answers.map(([row]) => [plain(row?.one), plain(row?.other)]),
    values,
  );
});

test("a statement that fails refuses those who asked for it, and nobody else", async (t) => {
  const bad = { sql: "SELECT nothing FROM nowhere", values: [] };
  const [one, other, good] = await Promise.allSettled([
    reader.select(bad),
    reader.select(bad),
    reader.select({ sql: echo, values: ["a", "b"] }),
  ]);
  t.is(one?.status, "rejected");
  t.is(other?.status, "rejected");
  t.is(good?.status, "fulfilled");
});
