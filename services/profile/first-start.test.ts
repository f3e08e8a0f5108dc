import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { ConfigError } from "../platform/config.ts";
import { type Engine, engines, mysqlEngine, sqliteEngine } from "../platform/testing/engines.ts";
import { callOf, RunningProfile, times } from "./testing/running-profile.ts";

const passwordFile = (engine: Engine) => join(engine.environment.DATA_DIR ?? "", "admin-password");
const passwordIn = (profile: RunningProfile) => /password "([^"]{20})"/.exec(profile.announcements[0] ?? "")?.[1] ?? "";

/** A database of its own, so that there is a first start. */
function newEngine(t: ExecutionContext, name: Engine["name"]): Engine {
  const engine = name === "SQLite" ? sqliteEngine() : mysqlEngine();
  t.teardown(() => engine.remove());
  return engine;
}

async function start(t: ExecutionContext, engine: Engine, environment = {}): Promise<RunningProfile> {
  const profile = await RunningProfile.start(engine, environment);
  t.teardown(() => profile.stop());
  return profile;
}

for (const { name, remove } of engines()) {
  test.after.always(remove);

  test(`the first start makes a super admin, announces the password and keeps it, on ${name}`, async (t) => {
    const engine = newEngine(t, name);
    const profile = await start(t, engine);
    t.is(profile.announcements.length, 1);
    const password = passwordIn(profile);
    t.is(readFileSync(passwordFile(engine), "utf8"), `${password}\n`);
    t.is(statSync(passwordFile(engine)).mode & 0o777, 0o600);
    const { user } = await profile.auth.login({ username: "admin", password }, callOf());
    t.like(user, { username: "admin", role: Role.SUPER_ADMIN });
  });

  test(`the next start leaves admin, password and keys as they are on ${name}`, async (t) => {
    const engine = newEngine(t, name);
    const first = await RunningProfile.start(engine);
    const password = passwordIn(first);
    const { token } = await first.auth.login({ username: "admin", password }, callOf());
    await first.stop();
    const next = await start(t, engine, { ADMIN_USERNAME: "root", ADMIN_PASSWORD: "another password" });
    t.deepEqual(next.announcements, []);
    t.is(readFileSync(passwordFile(engine), "utf8"), `${password}\n`);
    t.deepEqual(await next.select("SELECT username FROM users"), [{ username: "admin" }]);
    await t.notThrowsAsync(next.auth.login({ username: "admin", password }, callOf()));
    await t.notThrowsAsync(next.verify(token));
  });

  test(`a given name and password are the admin's, and are neither announced nor kept, on ${name}`, async (t) => {
    const engine = newEngine(t, name);
    const profile = await start(t, engine, { ADMIN_USERNAME: "root", ADMIN_PASSWORD: "given password" });
    t.deepEqual(profile.announcements, []);
    t.throws(() => statSync(passwordFile(engine)), { code: "ENOENT" });
    const { user } = await profile.auth.login({ username: "root", password: "given password" }, callOf());
    t.is(user?.role, Role.SUPER_ADMIN);
  });

  test(`a password that cannot be kept stops the start, and the one after it starts anew, on ${name}`, async (t) => {
    const engine = newEngine(t, name);
    mkdirSync(join(passwordFile(engine), "in-the-way"), { recursive: true });
    await t.throwsAsync(RunningProfile.start(engine), { instanceOf: ConfigError, message: /^DATA_DIR: / });
    rmSync(passwordFile(engine), { recursive: true });
    const profile = await start(t, engine);
    t.is(readFileSync(passwordFile(engine), "utf8"), `${passwordIn(profile)}\n`);
  });

  test(`an old password file is replaced, whatever its mode, on ${name}`, async (t) => {
    const engine = newEngine(t, name);
    writeFileSync(passwordFile(engine), "old\n", { mode: 0o644 });
    const profile = await start(t, engine);
    t.is(readFileSync(passwordFile(engine), "utf8"), `${passwordIn(profile)}\n`);
    t.is(statSync(passwordFile(engine)).mode & 0o777, 0o600);
  });

  test(`an admin name that a user has stops a start without any admin on ${name}`, async (t) => {
    const engine = newEngine(t, name);
    const first = await RunningProfile.start(engine);
    await first.register({ username: "root" });
    await first.change("DELETE FROM users WHERE role = 'super_admin'");
    await first.stop();
    await t.throwsAsync(RunningProfile.start(engine, { ADMIN_USERNAME: "root" }), {
      instanceOf: ConfigError,
      message: /^ADMIN_USERNAME: /,
    });
  });

  if (name === "MySQL") {
    test("of replicas that start at once one makes admin and key, and all go by them", async (t) => {
      const engine = newEngine(t, name);
      const replicas = await Promise.all(times(4, () => start(t, engine)));
      const [announcer, ...others] = replicas.filter((replica) => replica.announcements.length > 0);
      t.deepEqual(others, []);
      if (!announcer) return t.fail();
      const password = passwordIn(announcer);
      t.is(readFileSync(passwordFile(engine), "utf8"), `${password}\n`);
      t.is((await announcer.select("SELECT id FROM users")).length, 1);
      t.is((await announcer.select("SELECT number FROM signing_keys")).length, 1);
      for (const replica of replicas) {
        const { token } = await replica.auth.login({ username: "admin", password }, callOf());
        for (const other of replicas) await t.notThrowsAsync(other.verify(token));
      }
    });
  }
}
