import test from "ava";
import { Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { nobody } from "../platform/rpc/call.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { callerOf, callOf, newUsername, password, startReplicas, times } from "./testing/running-profile.ts";

const invalidCredentials = {
  kind: "unauthenticated",
  reason: "INVALID_CREDENTIALS",
  message: "Invalid username or password",
  fields: [],
  retryAfterSeconds: undefined,
  requestId: undefined,
};
const invalidRefreshToken = { kind: "unauthenticated", reason: "INVALID_REFRESH_TOKEN" };
const unauthenticated = { kind: "unauthenticated", reason: "UNAUTHENTICATED" };
const day = 24n * 3600n * 1_000_000n;

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [profile] = replicas;
  const { auth } = profile;
  const replica = (index: number) => replicas[index % replicas.length] ?? profile;
  const refresh = (refreshToken: string, init = {}) => auth.refresh({ refreshToken }, callOf(init));

  test.after.always(async () => {
    for (const one of replicas) await one.stop();
    await engine.remove();
  });

  test(`signing in gives a token that anybody can check, and that says who it is, on ${engine.name}`, async (t) => {
    const user = await profile.register({ email: "sara@example.com" });
    const response = await profile.login(user.username.toUpperCase());
    t.like(response, { tokenType: "Bearer", expiresIn: 900, user });
    t.regex(response.refreshToken, /^[A-Za-z0-9_-]{43}$/);
    const { payload, protectedHeader } = await profile.verify(response.token);
    const { iat = 0, exp = 0, jti, ...claims } = payload;
    const { sessionId } = callerOf(response);
    t.deepEqual<object, object>(claims, {
      iss: "giftmesh",
      sub: String(user.id),
      sid: String(sessionId),
      role: "user",
      username: user.username,
    });
    t.is(exp - iat, 900);
    t.is(typeof jti, "string");
    t.like(protectedHeader, { alg: "EdDSA", typ: "JWT" });
  });

  test(`a wrong user and a wrong password get the same answer on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    for (const wrong of [
      { username, password: "wrong horse" },
      { username, password: password.toUpperCase() },
      { username: newUsername(), password },
      { username: "not a user name!", password },
    ]) {
      t.deepEqual<object, object>(visible(await failureOfCall(auth.login(wrong, callOf()))), invalidCredentials);
    }
  });

  for (const field of ["username", "password"] as const) {
    test(`nobody signs in without a ${field} on ${engine.name}`, async (t) => {
      const request = { username: "sara", password, [field]: "" };
      t.like(visible(await failureOfCall(auth.login(request, callOf()))), { kind: "invalid" });
    });
  }

  test(`one user can have many sessions, started at once, on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    const responses = await Promise.all(times(16, (index) => replica(index).login(username)));
    t.is(new Set(responses.map((response) => callerOf(response).sessionId)).size, 16);
  });

  test(`a repeated sign-in with an idempotency key is the same session on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    const call = () => callOf({ idempotencyKey: `login-${username}` });
    const first = await auth.login({ username, password }, call());
    t.deepEqual(await auth.login({ username, password }, call()), first);
  });

  test(`a refresh token gives the next tokens of the same session on ${engine.name}`, async (t) => {
    const { tokens } = await profile.enter();
    const next = await refresh(tokens.refreshToken);
    t.like(next, { tokenType: "Bearer", expiresIn: 900, user: tokens.user });
    t.not(next.token, tokens.token);
    t.not(next.refreshToken, tokens.refreshToken);
    t.deepEqual(callerOf(next), callerOf(tokens));
    t.is((await profile.verify(next.token)).payload.sid, String(callerOf(tokens).sessionId));
    await t.notThrowsAsync(refresh(next.refreshToken));
  });

  test(`a token after a change says what the user may do now on ${engine.name}`, async (t) => {
    const { tokens, caller } = await profile.enter();
    await profile.change("UPDATE users SET role = 'admin' WHERE id = ?", caller.userId);
    const next = await refresh(tokens.refreshToken);
    t.is(next.user?.role, Role.ADMIN);
    t.is((await profile.verify(next.token)).payload.role, "admin");
  });

  test.serial(`who refreshes stays signed in though the answer to the commit is lost on ${engine.name}`, async (t) => {
    const { tokens } = await profile.enter();
    profile.lossy.toLose = 2;
    const next = await refresh(tokens.refreshToken);
    t.is(profile.lossy.toLose, 0);
    t.is(callerOf(next).sessionId, callerOf(tokens).sessionId);
    await t.notThrowsAsync(refresh(next.refreshToken));
  });

  test(`a refresh token that is used twice ends the session, for whoever has the next one too, on ${engine.name}`, async (t) => {
    const { tokens, call } = await profile.enter();
    const next = await refresh(tokens.refreshToken);
    for (const token of [tokens, tokens, next]) {
      t.like(visible(await failureOfCall(refresh(token.refreshToken))), invalidRefreshToken);
    }
    t.like(visible(await failureOfCall(auth.getMe({}, call()))), unauthenticated);
  });

  test(`another session of the same user goes on when one ends on ${engine.name}`, async (t) => {
    const { tokens } = await profile.enter();
    const other = await profile.login(tokens.user?.username ?? "");
    await refresh(tokens.refreshToken);
    await failureOfCall(refresh(tokens.refreshToken));
    await t.notThrowsAsync(refresh(other.refreshToken));
  });

  test(`of 64 who use one refresh token at once one is answered, and the session has ended, on ${engine.name}`, async (t) => {
    const { tokens, call } = await profile.enter();
    const outcomes = await Promise.allSettled(
      times(64, (index) => replica(index).auth.refresh({ refreshToken: tokens.refreshToken }, callOf())),
    );
    const [winner, ...others] = outcomes.filter((one) => one.status === "fulfilled");
    t.deepEqual(others, []);
    for (const one of outcomes) if (one.status === "rejected") t.like(visible(one.reason), invalidRefreshToken);
    t.like(visible(await failureOfCall(refresh(winner?.value.refreshToken ?? ""))), invalidRefreshToken);
    t.like(visible(await failureOfCall(auth.getMe({}, call()))), unauthenticated);
  });

  test(`64 duplicates of one refresh with an idempotency key get the same tokens on ${engine.name}`, async (t) => {
    const { tokens, call } = await profile.enter();
    const { refreshToken } = tokens;
    const answers = await Promise.all(
      times(64, (index) => replica(index).auth.refresh({ refreshToken }, call({ idempotencyKey: "refresh-1" }))),
    );
    t.is(new Set(answers.map((answer) => answer.refreshToken)).size, 1);
    await t.notThrowsAsync(auth.getMe({}, call()));
  });

  test(`a refresh is the same from wherever it is asked for again, and no other's, on ${engine.name}`, async (t) => {
    const [sara, omar] = [await profile.enter(), await profile.enter()];
    const from = (address: string, caller = nobody) => ({ caller: { ...caller, address }, idempotencyKey: "again" });
    const next = await refresh(sara.tokens.refreshToken, from("10.0.0.1"));
    for (const again of [from("10.9.9.9"), from("2001:db8::1"), from("10.0.0.1", sara.caller)]) {
      t.deepEqual(await refresh(sara.tokens.refreshToken, again), next);
    }
    t.like(await refresh(omar.tokens.refreshToken, from("10.0.0.1")), { user: omar.tokens.user });
    await t.notThrowsAsync(refresh(next.refreshToken));
  });

  for (const token of ["", "x", "A".repeat(43), "A".repeat(201)]) {
    test(`a refresh token of ${token.length} characters that was never given is refused on ${engine.name}`, async (t) => {
      const expected = token.length % 201 === 0 ? { kind: "invalid" } : invalidRefreshToken;
      t.like(visible(await failureOfCall(refresh(token))), expected);
    });
  }

  test(`a refresh token is good for 30 days on ${engine.name}`, async (t) => {
    const age = (sessionId: bigint, by: bigint) =>
      profile.change("UPDATE refresh_tokens SET issued_at = issued_at - ? WHERE session_id = ?", by, sessionId);
    const young = await profile.enter();
    await age(young.caller.sessionId, 30n * day - 60_000_000n);
    await t.notThrowsAsync(refresh(young.tokens.refreshToken));
    const old = await profile.enter();
    await age(old.caller.sessionId, 30n * day);
    t.like(visible(await failureOfCall(refresh(old.tokens.refreshToken))), invalidRefreshToken);
  });

  test(`no refresh token can be read from the database on ${engine.name}`, async (t) => {
    const { tokens, caller } = await profile.enter();
    const [row] = await profile.select("SELECT * FROM refresh_tokens WHERE session_id = ?", caller.sessionId);
    const hash = Buffer.from(row?.hash as Uint8Array);
    t.is(hash.length, 32);
    t.notDeepEqual(hash, Buffer.from(tokens.refreshToken, "base64url"));
  });

  test(`who is signed in is told who they are on ${engine.name}`, async (t) => {
    const { tokens, call } = await profile.enter({ email: "sara@example.com", phoneNumber: "0912345678" });
    t.deepEqual((await auth.getMe({}, call())).user, tokens.user);
  });

  test(`after signing out neither token works, and signing out again does no harm, on ${engine.name}`, async (t) => {
    const { tokens, call } = await profile.enter();
    await auth.logout({}, call());
    for (const rpc of [
      auth.getMe({}, call()),
      auth.requestVerification({ channel: 1 }, call()),
      auth.confirmVerification({ channel: 1, code: "123456" }, call()),
    ]) {
      t.like(visible(await failureOfCall(rpc)), unauthenticated);
    }
    t.like(visible(await failureOfCall(refresh(tokens.refreshToken))), invalidRefreshToken);
    await t.notThrowsAsync(auth.logout({}, call()));
  });

  test(`a session is no good for another user on ${engine.name}`, async (t) => {
    const [one, other] = [await profile.enter(), await profile.enter()];
    const caller = { ...one.caller, userId: other.caller.userId };
    t.like(visible(await failureOfCall(auth.getMe({}, callOf({ caller })))), unauthenticated);
  });

  test(`nobody in particular can neither sign out nor ask who they are on ${engine.name}`, async (t) => {
    for (const rpc of [auth.logout({}, callOf()), auth.getMe({}, callOf())]) {
      t.like(visible(await failureOfCall(rpc)), unauthenticated);
    }
  });

  test(`a sign-in, a refresh and a sign-out are settled under their idempotency keys on ${engine.name}`, async (t) => {
    const { tokens, call } = await profile.enter();
    const once = { idempotencyKey: "once" };
    const next = await auth.refresh({ refreshToken: tokens.refreshToken }, call(once));
    t.deepEqual(await auth.refresh({ refreshToken: tokens.refreshToken }, call(once)), next);
    await auth.logout({}, call(once));
    await t.notThrowsAsync(auth.logout({}, call(once)));
  });
}
