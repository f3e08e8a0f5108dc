import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { pino } from "pino";
import { FileStore } from "./file-store.ts";
import { MediaUnavailable } from "./media-store.ts";
import { openMedia } from "./open-media.ts";

const root = mkdtempSync(join(tmpdir(), "giftmesh-media-"));
test.after.always(() => rmSync(root, { recursive: true, force: true }));

const webp = (bytes: Uint8Array) => ({ bytes, contentType: "image/webp" });
let count = 0;
const newDirectory = () => join(root, String(count++));

test("a file is put, replaced, read and removed, and nothing is left of it", async (t) => {
  const directory = newDirectory();
  const store = new FileStore(directory);
  t.is(await store.get("a/b.webp"), undefined);
  await store.put("a/b.webp", webp(new Uint8Array([1, 2])));
  await store.put("a/b.webp", webp(new Uint8Array([3])));
  await store.put("a/c.webp", webp(new Uint8Array([4])));
  t.deepEqual([...((await store.get("a/b.webp")) ?? [])], [3]);
  t.deepEqual(readFileSync(join(directory, "a/b.webp")), Buffer.from([3]));
  await store.remove("a/b.webp");
  await store.remove("a/b.webp");
  t.is(await store.get("a/b.webp"), undefined);
  t.is(await store.get("a/c.webp/d"), undefined);
  await store.remove("a/c.webp");
  t.deepEqual(readdirSync(directory), [".making"]);
  t.deepEqual(readdirSync(join(directory, ".making")), []);
});

test("who reads sees a whole file, though it is replaced again and again", async (t) => {
  const store = new FileStore(newDirectory());
  const versions = [1, 2, 3, 4].map((fill) => new Uint8Array(200_000).fill(fill));
  await store.put("a", webp(versions[0] as Uint8Array));
  let isWriting = true;
  const writing = (async () => {
    for (let i = 0; i < 40; i++) await store.put("a", webp(versions[i % 4] as Uint8Array));
    isWriting = false;
  })();
  while (isWriting) {
    const bytes = (await store.get("a")) ?? new Uint8Array();
    t.is(bytes.length, 200_000);
    t.true(bytes.every((byte) => byte === bytes[0]));
  }
  await writing;
});

for (const key of ["../a", "a/../b", "/a", "a//b", "a/", "", ".making/a", "a/.b", "A", "a b", "a\0", "a\\b"]) {
  test(`${JSON.stringify(key)} is no key`, async (t) => {
    const store = new FileStore(newDirectory());
    for (const act of [store.put(key, webp(new Uint8Array())), store.get(key), store.remove(key)]) {
      await t.throwsAsync(act, { message: /cannot have the key/ });
    }
  });
}

test("what a process has left in the making is removed by the next, and what is young is not", async (t) => {
  const directory = newDirectory();
  mkdirSync(join(directory, ".making"), { recursive: true });
  for (const name of ["old", "young"]) writeFileSync(join(directory, ".making", name), "half");
  const longAgo = new Date(Date.now() - 3_700_000);
  utimesSync(join(directory, ".making", "old"), longAgo, longAgo);
  await new FileStore(directory).put("a", webp(new Uint8Array([1])));
  t.deepEqual(readdirSync(join(directory, ".making")), ["young"]);
});

test("a directory that cannot be written is told of and logged, and works again once it can be", async (t) => {
  const dataDir = newDirectory();
  mkdirSync(dataDir);
  // In the place of the directory, so that root cannot write there either.
  writeFileSync(join(dataDir, "media"), "");
  const lines: string[] = [];
  const media = openMedia({ dataDir, mediaBucket: undefined }, pino({}, { write: (line) => void lines.push(line) }));
  const file = webp(new Uint8Array([1]));
  const error = await t.throwsAsync(media.put("a", file), { instanceOf: MediaUnavailable });
  t.is(error.message, "The store of files does not answer, try again later");
  t.like(JSON.parse(lines[0] ?? ""), { msg: "A file cannot be kept", key: "a", err: { code: "ENOTDIR" } });
  rmSync(join(dataDir, "media"));
  await media.put("a", file);
  t.deepEqual([...((await media.get("a")) ?? [])], [1]);
});
