import { create } from "@bufbuild/protobuf";
import test from "ava";
import { CallerSchema } from "../../gen/giftmesh/common/v1/access_pb.ts";
import type { Refusal } from "../platform/refusal.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { callOf, newUsername, password, startReplicas, times } from "./testing/running-profile.ts";

const invalidCredentials = { kind: "unauthenticated", reason: "INVALID_CREDENTIALS" };
const tooManyAttempts = { kind: "too_many", reason: "TOO_MANY_ATTEMPTS" };
const longAgo = 25n * 3600n * 1_000_000n;

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [profile] = replicas;
  const login = (username: string, given: string, address = "192.0.2.1", index = 0) =>
    (replicas[index % replicas.length] ?? profile).auth.login(
      { username, password: given },
      callOf({ caller: create(CallerSchema, { address }) }),
    );
  const outcome = async (...attempt: Parameters<typeof login>) => visible(await failureOfCall(login(...attempt)));
  /** Puts the waits of those who have to wait at their longest, so that no slow test can outlast them. */
  const prolong = (from: bigint) =>
    profile.change("UPDATE login_failures SET failures = failures + 20 WHERE failures >= ?", from);

  test.after.always(async () => {
    for (const replica of replicas) await replica.stop();
    await engine.remove();
  });

  for (const who of ["a user", "nobody"]) {
    test.serial(`the fifth failure with the name of ${who} makes a wait on ${engine.name}`, async (t) => {
      const username = who === "nobody" ? newUsername() : (await profile.register()).username;
      for (const index of [0, 1, 2, 3, 4]) {
        t.like(await outcome(username, "wrong horse", "192.0.2.1", index), invalidCredentials);
      }
      await prolong(5n);
      for (const given of ["wrong horse", password]) {
        const failure = await failureOfCall(login(username.toUpperCase(), given));
        t.like(visible(failure), tooManyAttempts);
        const seconds = (failure as Refusal).retryAfterSeconds ?? 0;
        t.true(seconds > 800 && seconds <= 900);
      }
      if (who === "nobody") t.like(await outcome(username, password, "192.0.2.2"), invalidCredentials);
      else await t.notThrowsAsync(login(username, password, "192.0.2.2"));
    });
  }

  test.serial(`who has waited may try again, and a right password starts anew on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    for (const round of [1, 2]) {
      for (const _ of [1, 2, 3, 4]) t.like(await outcome(username, "wrong horse"), invalidCredentials);
      await t.notThrowsAsync(login(username, password), `round ${round}`);
    }
    for (const _ of [1, 2, 3, 4, 5]) await outcome(username, "wrong horse");
    await profile.change("UPDATE login_failures SET last_failed_at = last_failed_at - 1000000");
    await t.notThrowsAsync(login(username, password));
    t.like(await outcome(username, "wrong horse"), invalidCredentials);
  });

  test.serial(`the addresses of one IPv6 network are one on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    for (const index of [0, 1, 2, 3, 4]) {
      t.like(await outcome(username, "wrong horse", `2001:db8:0:1::${index}`, index), invalidCredentials);
    }
    await prolong(5n);
    t.like(await outcome(username, password, "2001:db8:0:1:ffff::"), tooManyAttempts);
    await t.notThrowsAsync(login(username, password, "2001:db8:0:2::"));
  });

  test.serial(`failures from ever new addresses make a wait for all of them on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    await Promise.all(times(50, (index) => outcome(username, "wrong horse", `198.51.100.${index}`, index)));
    await prolong(50n);
    const failure = await failureOfCall(login(username, password, "203.0.113.1"));
    t.like(visible(failure), tooManyAttempts);
    t.true(((failure as Refusal).retryAfterSeconds ?? 0) <= 60);
    const other = await profile.register();
    await t.notThrowsAsync(login(other.username, password, "198.51.100.1"));
  });

  test.serial(`strangers keep no user out from where they have signed in before on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    await login(username, password, "2001:db8:7::1");
    await Promise.all(times(50, (index) => outcome(username, "wrong horse", `198.51.100.${index}`, index)));
    await prolong(50n);
    t.like(await outcome(username, password, "203.0.113.1"), tooManyAttempts);
    await t.notThrowsAsync(login(username, password, "2001:db8:7::2"));
    for (const _ of [1, 2, 3, 4, 5]) await outcome(username, "wrong horse", "2001:db8:7::3");
    await prolong(5n);
    t.like(await outcome(username, password, "2001:db8:7::2"), tooManyAttempts);
    await profile.change("DELETE FROM login_failures");
    await Promise.all(times(50, (index) => outcome(username, "wrong horse", `198.51.100.${index}`, index)));
    await prolong(50n);
    await profile.change("UPDATE known_networks SET signed_in_at = signed_in_at - ?", 30n * longAgo);
    t.like(await outcome(username, password, "2001:db8:7::2"), tooManyAttempts);
  });

  test.serial(`of 64 guesses at once none is answered that is not counted on ${engine.name}`, async (t) => {
    await profile.change("DELETE FROM login_failures");
    const { username } = await profile.register();
    const outcomes = await Promise.all(times(64, (index) => outcome(username, "wrong horse", "192.0.2.1", index)));
    const answered = outcomes.filter((one) => "reason" in one && one.reason === "INVALID_CREDENTIALS");
    for (const one of outcomes) if (!answered.includes(one)) t.like(one, tooManyAttempts);
    const rows = await profile.select("SELECT failures FROM login_failures");
    t.deepEqual(
      rows.map((row) => row.failures),
      [BigInt(answered.length), BigInt(answered.length)],
    );
    t.true(answered.length >= 5 && answered.length < 16);
  });

  test.serial(`failures are forgotten after a day, purged or not, on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    for (const _ of [1, 2, 3, 4, 5]) await outcome(username, "wrong horse");
    await prolong(5n);
    t.like(await outcome(username, password), tooManyAttempts);
    await profile.change("UPDATE login_failures SET last_failed_at = last_failed_at - ?", longAgo);
    t.like(await outcome(username, "wrong horse"), invalidCredentials);
    t.like(await outcome(username, "wrong horse"), invalidCredentials);
  });

  test.serial(`what was typed as a user name cannot be read from the database on ${engine.name}`, async (t) => {
    await profile.change("DELETE FROM login_failures");
    await outcome("my secret password", password);
    const rows = await profile.select("SELECT * FROM login_failures");
    t.is(rows.length, 2);
    for (const { id } of rows) t.false(Buffer.from(id as Uint8Array).includes("secret"));
  });
}
