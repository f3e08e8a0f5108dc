import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { S3StandIn } from "../../platform/media/testing/s3-stand-in.ts";
import { sqliteEngine } from "../../platform/testing/engines.ts";
import { childrenOf } from "./testing/children.ts";
import { picture, png } from "./testing/pictures.ts";
import { base, RunningBackgrounds, type Shown } from "./testing/running-backgrounds.ts";

const never = new AbortController().signal;
const small = png({ width: 3, height: 2 });
const hour = 3_600_000_000n;
const now = () => BigInt(Date.now()) * 1_000n;

async function start(environment: Readonly<Record<string, string>> = {}) {
  const engine = sqliteEngine();
  const running = await RunningBackgrounds.start(engine, environment);
  const directory = join(engine.environment.DATA_DIR ?? "", "media", "gift-card-backgrounds");
  return {
    running,
    directory,
    pictures: () => (existsSync(directory) ? readdirSync(directory) : []),
    stop: async () => {
      await running.stop();
      await engine.remove();
    },
  };
}

test.serial("files that cannot be written are a 503 that says so, and nothing is left of the background", async (t) => {
  const { running, directory, stop } = await start();
  const media = join(directory, "..");
  rmSync(media, { recursive: true, force: true });
  writeFileSync(media, "");
  const answer = await running.form("POST", base, { name: "x", background_image: small });
  t.is(answer.status, 503);
  t.like(answer.body, { code: "UNAVAILABLE", message: "The store of files does not answer, try again later" });
  t.is(answer.headers.get("retry-after"), "5");
  t.truthy(running.lines.find(({ msg }) => msg === "A file cannot be kept"));
  t.deepEqual(await running.select("SELECT id FROM backgrounds"), []);
  rmSync(media);
  const headers = { "idempotency-key": "the-same" };
  const again = await running.form("POST", base, { name: "x", background_image: small }, { headers });
  t.is(again.status, 201);
  await stop();
});

test.serial("a picture whose background was never written goes after an hour, and no sooner", async (t) => {
  const { running, pictures, stop } = await start();
  const orphan = await running.part.pictures.add(small, never);
  const { url } = await running.newBackground();
  const kept = url.split("/")[3] ?? "";
  await running.part.pictures.removeDue(never, now() + hour);
  t.deepEqual(pictures().sort(), [orphan, kept].sort());
  await running.part.pictures.removeDue(never, now() + 2n * hour);
  t.deepEqual(pictures(), [kept]);
  t.is((await running.as(undefined).get(url)).status, 200);
  await stop();
});

test.serial("a picture that is to go cannot be kept any more", async (t) => {
  const { running, stop } = await start();
  const late = await running.part.pictures.add(small, never);
  await running.change("UPDATE pictures SET remove_after = 0 WHERE id = ?", late);
  await t.throwsAsync(
    running.database.transaction((tx) => running.part.pictures.keep(tx, late)),
    {
      message: /Service unavailable/,
    },
  );
  await running.part.pictures.removeDue(never);
  await t.throwsAsync(running.database.transaction((tx) => running.part.pictures.keep(tx, late)));
  await stop();
});

test.serial("files that cannot be removed now are removed later", async (t) => {
  const s3 = await S3StandIn.start();
  const { running, stop } = await start({ MEDIA_URL: s3.mediaUrl() });
  const { id, url } = await running.newBackground();
  t.deepEqual([...s3.objects.keys()].map((key) => key.split("/").at(-1)).sort(), [
    "card.webp",
    "full.webp",
    "thumb.webp",
  ]);
  t.deepEqual(
    [...s3.objects.values()].map(({ contentType }) => contentType),
    Array(3).fill("image/webp"),
  );
  t.is((await running.as(undefined).get(url)).status, 200);
  for (let i = 0; i < 9; i++) s3.failures.push({ status: 503 });
  t.is((await running.as("super_admin").request("DELETE", `${base}/${id}`)).status, 200);
  s3.failures.length = 0;
  t.true(s3.objects.size > 0);
  t.is((await running.select("SELECT id FROM pictures")).length, 1);
  await running.part.pictures.removeDue(never);
  t.is(s3.objects.size, 0);
  t.deepEqual(await running.select("SELECT id FROM pictures"), []);
  t.is((await running.as(undefined).get(url)).status, 404);
  await stop();
  await s3.stop();
});

test.serial("a picture whose files cannot be removed holds up no other", async (t) => {
  const { running, directory, pictures, stop } = await start();
  const stuck = await running.part.pictures.add(small, never);
  const file = join(directory, stuck, "card.webp");
  rmSync(file);
  mkdirSync(join(file, "is a directory"), { recursive: true });
  for (let one = 0; one < 3; one++) await running.part.pictures.add(small, never);
  await running.change("UPDATE pictures SET remove_after = 0");
  await running.change("UPDATE pictures SET remove_after = -1 WHERE id = ?", stuck);
  await t.throwsAsync(running.part.pictures.removeDue(never), { message: /store of files/ });
  t.deepEqual(pictures(), [stuck]);
  t.deepEqual(await running.select("SELECT id FROM pictures"), [{ id: stuck }]);
  rmSync(file, { recursive: true });
  await running.part.pictures.removeDue(never);
  t.deepEqual(pictures(), []);
  await stop();
});

test.serial("a bucket that does not answer is a 503 to who adds and to who looks", async (t) => {
  const s3 = await S3StandIn.start();
  const { running, stop } = await start({ MEDIA_URL: s3.mediaUrl() });
  const { url } = await running.newBackground();
  for (let i = 0; i < 100; i++) s3.failures.push({ status: 500 });
  t.like(await running.as(undefined).get(url), { status: 503 });
  t.is((await running.form("POST", base, { name: "x", background_image: small })).status, 503);
  t.false(
    running.lines.some((line) => JSON.stringify(line).includes("wJalr")),
    "no secret is logged",
  );
  await stop();
  await s3.stop();
});

test.serial("a conversion that is killed is a 503, and the same request goes through later", async (t) => {
  const { running, pictures, stop } = await start();
  const headers = { "idempotency-key": "killed" };
  const fields = { name: "x", background_image: await picture("png", 8_000, 4_000) };
  const before = childrenOf(process.pid);
  const adding = running.form("POST", base, fields, { headers });
  const answered = adding.then(() => true);
  // Each time anew: the mesh tries again what carries a key. To look takes a while itself.
  while (!(await Promise.race([answered, sleep(25, false)]))) {
    for (const pid of childrenOf(process.pid)) if (!before.includes(pid)) process.kill(pid, "SIGKILL");
  }
  t.like(await adding, { status: 503, body: { code: "UNAVAILABLE" } });
  t.deepEqual(pictures(), []);
  t.is((await running.form("POST", base, fields, { headers })).status, 201);
  t.is(pictures().length, 1);
  await stop();
});

test.serial("many who upload at once are all served or told to come again, and no process is left", async (t) => {
  const { running, pictures, stop } = await start();
  const before = childrenOf(process.pid);
  const image = await picture("jpeg", 300, 200);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => running.form("POST", base, { name: `Picture ${i}`, background_image: image })),
  );
  const added = answers.filter(({ status }) => status === 201);
  t.true(added.length >= 2);
  for (const { status, headers } of answers) {
    t.true(status === 201 || (status === 503 && Number(headers.get("retry-after")) > 0), String(status));
  }
  t.is(pictures().length, added.length);
  const { body } = await running.as("admin").get(`${base}?per_page=100`);
  t.is((body.data as unknown as Shown[]).length, added.length);
  for (const { url } of body.data as unknown as Shown[]) t.is((await running.as(undefined).get(url)).status, 200);
  const left = () => childrenOf(process.pid).filter((pid) => !before.includes(pid));
  for (let i = 0; i < 100 && left().length > 0; i++) await sleep(50);
  t.deepEqual(left(), []);
  await stop();
});

test.serial("what was uploaded is nowhere, only what was made of it", async (t) => {
  const { running, directory, pictures, stop } = await start();
  const image = Buffer.concat([await picture("jpeg"), Buffer.from("<script>alert(1)</script>")]);
  await running.newBackground({ background_image: image });
  const [made = ""] = pictures();
  const files = readdirSync(join(directory, made));
  t.deepEqual(files.sort(), ["card.webp", "full.webp", "thumb.webp"]);
  for (const file of files) t.false(readFileSync(join(directory, made, file)).includes("alert"));
  await stop();
});
