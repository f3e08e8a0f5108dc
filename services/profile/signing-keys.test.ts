import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { ConfigError } from "../platform/config.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines, sqliteEngine } from "../platform/testing/engines.ts";
import { callOf, RunningProfile, startReplicas, times } from "./testing/running-profile.ts";

const directory = mkdtempSync(join(tmpdir(), "giftmesh-"));
let files = 0;
function keysFile(content: string): string {
  const file = join(directory, `keys-${++files}.json`);
  writeFileSync(file, content);
  return file;
}

const newJwk = () => generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

test.after.always(() => rmSync(directory, { recursive: true }));

for (const { engine, replicas } of running) {
  const [profile] = replicas;
  const keysOf = async (one: RunningProfile) => (await one.auth.getJsonWebKeys({}, callOf())).keys;
  const keyIdOf = async (one: RunningProfile) => {
    const { tokens } = await one.enter();
    return (await one.verify(tokens.token)).protectedHeader.kid;
  };

  test.after.always(async () => {
    for (const replica of replicas) await replica.stop();
    await engine.remove();
  });

  test.serial(`anybody can have the public keys, and no more of them, on ${engine.name}`, async (t) => {
    const [key, ...others] = await keysOf(profile);
    t.deepEqual(others, []);
    const { $typeName: _, x, kid, ...rest } = key ?? t.fail();
    t.deepEqual(rest, { kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA" });
    t.regex(x, /^[A-Za-z0-9_-]{43}$/);
    t.regex(kid, /^[A-Za-z0-9_-]{43}$/);
  });

  test.serial(
    `a new key signs from now on in every replica, and older tokens stay good, on ${engine.name}`,
    async (t) => {
      const { tokens } = await profile.enter();
      const { keyId } = await profile.sessions.rotateSigningKey({}, callOf());
      for (const replica of replicas) {
        t.is(await keyIdOf(replica), keyId);
        t.is((await keysOf(replica)).length, 2);
        await t.notThrowsAsync(replica.verify(tokens.token));
      }
    },
  );

  test.serial(`keys that are added at once are all there, and one signs, on ${engine.name}`, async (t) => {
    const before = (await keysOf(profile)).length;
    const added = await Promise.all(
      times(8, (index) => (replicas[index % replicas.length] ?? profile).sessions.rotateSigningKey({}, callOf())),
    );
    for (const replica of replicas) {
      const known = (await keysOf(replica)).map(({ kid }) => kid);
      t.is(known.length, before + 8);
      t.true(added.every(({ keyId }) => known.includes(keyId)));
    }
    const signing = await Promise.all(replicas.map(keyIdOf));
    t.is(new Set(signing).size, 1);
    t.true(added.some(({ keyId }) => keyId === signing[0]));
  });

  test.serial(`a key that is taken out of the database is no longer good on ${engine.name}`, async (t) => {
    const { tokens } = await profile.enter();
    await profile.change("DELETE FROM signing_keys WHERE key_id = ?", (await keyIdOf(profile)) ?? "");
    for (const replica of replicas)
      await t.throwsAsync(replica.verify(tokens.token), { code: "ERR_JWKS_NO_MATCHING_KEY" });
    await t.notThrowsAsync(keyIdOf(profile));
  });
}

test("given keys are used as they are: the first signs, all are good, none is added", async (t) => {
  const engine = sqliteEngine();
  const [first, second] = [{ ...newJwk(), kid: "2026-11" }, newJwk()];
  const start = (...keys: object[]) =>
    RunningProfile.start(engine, { SIGNING_KEYS: keysFile(JSON.stringify({ keys })) });

  const before = await start(second);
  const { tokens: older } = await before.enter();
  await before.stop();

  const profile = await start(first, second);
  const { keys } = await profile.auth.getJsonWebKeys({}, callOf());
  t.deepEqual(
    keys.map(({ x }) => x),
    [first.x, second.x],
  );
  t.true(keys.every((key) => !("d" in key)));
  const { tokens } = await profile.enter();
  t.is((await profile.verify(tokens.token)).protectedHeader.kid, "2026-11");
  await t.notThrowsAsync(profile.verify(older.token));
  t.like(visible(await failureOfCall(profile.sessions.rotateSigningKey({}, callOf()))), {
    kind: "rule",
    reason: "KEYS_ARE_GIVEN",
  });
  t.deepEqual(await profile.select("SELECT number FROM signing_keys"), []);
  await profile.stop();
  await engine.remove();
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const { d: _, ...publicOnly } = newJwk();
const twice = newJwk();

for (const [title, content] of [
  ["is no JSON", "secret"],
  ["is null", "null"],
  ["is no JWK Set", JSON.stringify(newJwk())],
  ["holds no key", JSON.stringify({ keys: [] })],
  ["holds a text", JSON.stringify({ keys: ["key"] })],
  ["holds a public key", JSON.stringify({ keys: [newJwk(), publicOnly] })],
  ["holds an RSA key", JSON.stringify({ keys: [rsa] })],
  ["holds a key that is cut short", JSON.stringify({ keys: [{ ...newJwk(), d: "AAAA" }] })],
  ["holds a key with another's x", JSON.stringify({ keys: [{ ...newJwk(), x: newJwk().x }] })],
  ["holds a key without a name", JSON.stringify({ keys: [{ ...newJwk(), kid: "" }] })],
  ["holds a key twice", JSON.stringify({ keys: [twice, twice] })],
] as const) {
  test(`a file that ${title} stops the start, and none of it is shown`, async (t) => {
    const engine = sqliteEngine();
    t.teardown(() => engine.remove());
    const error = await t.throwsAsync(RunningProfile.start(engine, { SIGNING_KEYS: keysFile(content) }), {
      instanceOf: ConfigError,
      message: /^SIGNING_KEYS: [^\n]*keys-\d+\.json cannot be used: [^\n]+$/,
    });
    t.notRegex(error.message, /secret/);
  });
}

test("a file that is not there stops the start", async (t) => {
  const engine = sqliteEngine();
  t.teardown(() => engine.remove());
  await t.throwsAsync(RunningProfile.start(engine, { SIGNING_KEYS: join(directory, "nowhere.json") }), {
    instanceOf: ConfigError,
    message: /^SIGNING_KEYS: .*ENOENT/,
  });
});
