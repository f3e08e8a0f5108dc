import { randomUUID } from "node:crypto";
import test from "ava";
import { pino } from "pino";
import { AuthService, ContactChannel } from "../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { insertInto } from "../platform/database/statements.ts";
import { Call } from "../platform/rpc/call.ts";
import { Dispatcher } from "../platform/rpc/dispatcher.ts";
import { startGrpcServer } from "../platform/rpc/grpc-server.ts";
import { MeshClients } from "../platform/rpc/mesh-clients.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { Tokens } from "../platform/tokens.ts";
import { callOf, newUsername, password, RunningProfile, startReplicas, times } from "./testing/running-profile.ts";

const log = pino({ level: "silent" });

/** Reads a stream of ended sessions from now on. */
function follow(profile: RunningProfile) {
  const gone = new AbortController();
  const heard: bigint[] = [];
  const first = Promise.withResolvers<readonly bigint[]>();
  const call = new Call({
    requestId: randomUUID(),
    deadline: Number.POSITIVE_INFINITY,
    cancelled: gone.signal,
  });
  const ended = (async () => {
    for await (const { sessionIds } of profile.sessions.watchEndedSessions({}, call)) {
      heard.push(...sessionIds);
      first.resolve(sessionIds);
    }
  })();
  return { heard, first: first.promise, ended, cancel: () => gone.abort() };
}

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [profile] = replicas;
  const endSession = async (by = profile) => {
    const { caller, call } = await by.enter();
    await by.auth.logout({}, call());
    return caller.sessionId;
  };

  test.after.always(async () => {
    for (const replica of replicas) await replica.stop();
    await engine.remove();
  });

  test.serial(`a stream begins at once, even where no session has ended, on ${engine.name}`, async (t) => {
    const stream = follow(profile);
    t.deepEqual(await stream.first, []);
    stream.cancel();
    await t.notThrowsAsync(stream.ended);
  });

  test.serial(`a stream begins with what ended while tokens may still be good on ${engine.name}`, async (t) => {
    const [recent, within, longAgo] = [await endSession(), await endSession(), await endSession()];
    const age = (sessionId: bigint, seconds: bigint) =>
      profile.change("UPDATE sessions SET ended_at = ended_at - ? WHERE id = ?", seconds * 1_000_000n, sessionId);
    await age(within, 899n);
    await age(longAgo, 1_800n);
    for (const replica of replicas) {
      const stream = follow(replica);
      t.deepEqual([...(await stream.first)].sort(), [recent, within].sort());
      stream.cancel();
      await stream.ended;
    }
  });

  test.serial(
    `a session's end is heard of in every replica, by signing out or by theft, on ${engine.name}`,
    async (t) => {
      const streams = replicas.map(follow);
      await Promise.all(streams.map((stream) => stream.first));
      const signedOut = await endSession();
      const { tokens, caller } = await profile.enter();
      const { refreshToken } = tokens;
      await profile.auth.refresh({ refreshToken }, callOf());
      t.false(streams.some(({ heard }) => heard.includes(caller.sessionId)));
      await failureOfCall(profile.auth.refresh({ refreshToken }, callOf()));
      for (const { heard } of streams) {
        await eventually(async () => heard.includes(signedOut) && heard.includes(caller.sessionId));
      }
      for (const stream of streams) {
        stream.cancel();
        await t.notThrowsAsync(stream.ended);
      }
    },
  );

  test.serial(`more sessions than fit in one message are told in several on ${engine.name}`, async (t) => {
    const before = await endSession();
    const [row] = await profile.select("SELECT ended_at FROM sessions WHERE id = ?", before);
    const endedAt = row?.ended_at ?? null;
    for (const block of times(5, (index) => 1_000_000n + 5_000n * BigInt(index))) {
      const sessions = times(5_000, (index) => [block + BigInt(index), 1n, 0n, 0n, endedAt]);
      const columns = ["id", "user_id", "created_at", "refreshed_at", "ended_at"];
      const { sql, values } = insertInto("sessions", columns, sessions);
      await profile.change(sql, ...values);
    }
    const stream = follow(profile);
    t.is((await stream.first).length, 10_000);
    await eventually(async () => stream.heard.length > 25_000);
    t.is(new Set(stream.heard.filter((id) => id >= 1_000_000n)).size, 25_000);
    stream.cancel();
    await stream.ended;
  });

  test.serial(`across the network a token is good until its session ends on ${engine.name}`, async (t) => {
    const config = { ...profile.config, grpcPort: 0 };
    const server = await startGrpcServer({ config, dispatcher: profile.dispatcher, log });
    const addresses = { profile: `127.0.0.1:${server.port}` };
    const clients = new MeshClients({
      config: { addresses, grpcTls: undefined },
      dispatcher: new Dispatcher({ log }),
      log,
    });
    const tokens = new Tokens({ clients, tokenLifetimeSeconds: config.tokenLifetimeSeconds, log });
    tokens.start();
    await eventually(async () => tokens.ready);
    const auth = clients.of(AuthService);
    const username = newUsername();
    await auth.register({ username, password }, callOf());
    const { token, user } = await auth.login({ username, password }, callOf());
    const caller = await tokens.verify(token);
    t.like(caller, { userId: user?.id, username });
    t.deepEqual((await auth.getMe({}, callOf({ caller }))).user, user);
    const { keyId } = await profile.sessions.rotateSigningKey({}, callOf());
    const next = await auth.login({ username, password }, callOf());
    t.is((await profile.verify(next.token)).protectedHeader.kid, keyId);
    await t.notThrowsAsync(async () => tokens.verify(next.token));
    await auth.logout({}, callOf({ caller }));
    await eventually(async () => {
      const failure = await failureOfCall((async () => tokens.verify(token))()).catch(() => undefined);
      return failure !== undefined;
    });
    t.like(visible(await failureOfCall((async () => tokens.verify(token))())), { kind: "unauthenticated" });
    await t.notThrowsAsync(async () => tokens.verify(next.token));
    tokens.stop();
    clients.close();
    await server.stop();
  });

  test.serial(`streams end when the service does on ${engine.name}`, async (t) => {
    const stream = follow(profile);
    await stream.first;
    await profile.end();
    await t.notThrowsAsync(stream.ended);
  });

  test.serial(`old sessions, tokens, failures and codes are forgotten, and no others, on ${engine.name}`, async (t) => {
    const [old, young] = [await profile.enter({ email: "old@example.com" }), await profile.enter()];
    await profile.auth.requestVerification({ channel: ContactChannel.EMAIL }, old.call());
    await failureOfCall(profile.auth.login({ username: newUsername(), password }, callOf()));
    const { sessionId } = old.caller;
    const month = 31n * 24n * 3600n * 1_000_000n;
    await profile.change("UPDATE sessions SET refreshed_at = refreshed_at - ? WHERE id = ?", month, sessionId);
    await profile.change("UPDATE refresh_tokens SET issued_at = issued_at - ? WHERE session_id = ?", month, sessionId);
    await profile.change("UPDATE login_failures SET last_failed_at = last_failed_at - ?", month);
    await profile.change("UPDATE verification_codes SET sent_at = sent_at - ?", month);
    await profile.end();

    // Workers begin with a run at the start.
    const next = await RunningProfile.start(engine);
    const isForgotten = async (sql: string) => (await next.select(sql)).length === 0;
    await eventually(() => isForgotten(`SELECT id FROM sessions WHERE id = ${sessionId}`));
    await eventually(() => isForgotten(`SELECT hash FROM refresh_tokens WHERE session_id = ${sessionId}`));
    await eventually(() => isForgotten("SELECT id FROM login_failures"));
    await eventually(() => isForgotten("SELECT user_id FROM verification_codes"));
    await t.notThrowsAsync(next.auth.getMe({}, young.call()));
    await t.notThrowsAsync(next.auth.refresh({ refreshToken: young.tokens.refreshToken }, callOf()));
    await next.stop();
  });
}
