import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { AuthService } from "../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { SessionService } from "../../gen/giftmesh/profile/v1/session_service_pb.ts";
import { Unavailable } from "./refusal.ts";
import { Dispatcher } from "./rpc/dispatcher.ts";
import { MeshClients } from "./rpc/mesh-clients.ts";
import { failureOfCall, visible } from "./rpc/testing/failure.ts";
import { recordedLog } from "./rpc/testing/log.ts";
import { serveOnly } from "./rpc/testing/serve-only.ts";
import { Tokens } from "./tokens.ts";

const lifetimeSeconds = 900;
const nowSeconds = () => Math.floor(Date.now() / 1_000);
const claims = { sub: "7", sid: "70", role: "user", username: "sara", iss: "giftmesh" };

test("a good token says who bears it", async (t) => {
  const { sign, tokens } = await startProfile(t);
  t.like(await tokens.verify(await sign(claims)), {
    userId: 7n,
    sessionId: 70n,
    role: Role.USER,
    username: "sara",
    vendorId: 0n,
    address: "",
  });
  t.like(await tokens.verify(await sign({ ...claims, role: "vendor", vendor_id: "3" })), {
    role: Role.VENDOR,
    vendorId: 3n,
  });
  for (const [role, known] of [
    ["admin", Role.ADMIN],
    ["super_admin", Role.SUPER_ADMIN],
  ] as const) {
    t.like(await tokens.verify(await sign({ ...claims, role })), { role: known });
  }
});

test("a token that was checked before is answered at once", async (t) => {
  const { sign, tokens } = await startProfile(t);
  const token = await sign(claims);
  const checked = await tokens.verify(token);
  t.is(tokens.verify(token), checked);
});

const badClaims: Readonly<Record<string, JWTPayload>> = {
  "of another issuer": { ...claims, iss: "someone" },
  "without an issuer": without("iss"),
  "without a user": without("sub"),
  "without a session": without("sid"),
  "without a role": without("role"),
  "without a user name": without("username"),
  "of no user": { ...claims, sub: "0" },
  "of a user that is no number": { ...claims, sub: "7; DROP" },
  "of an unknown role": { ...claims, role: "owner" },
  "of a role that only objects have": { ...claims, role: "constructor" },
  "of a vendor without a vendor": { ...claims, role: "vendor" },
  "that has expired": { ...claims, exp: 1_700_000_000 },
  "that was made longer ago than a token is good for, whatever it says": {
    ...claims,
    iat: nowSeconds() - lifetimeSeconds,
    exp: 4_000_000_000,
  },
  "that is not good yet": { ...claims, nbf: 4_000_000_000 },
};

for (const [what, payload] of Object.entries(badClaims)) {
  test(`a token ${what} is refused`, async (t) => {
    const { sign, tokens } = await startProfile(t);
    await refused(t, tokens, await sign(payload));
  });
}

const forgeries: Readonly<Record<string, (profile: Profile) => Promise<string>>> = {
  "signed with another key under a known id": async ({ keyId }) => signed(claims, (await newKey()).privateKey, keyId),
  "signed with an unknown key": async () => signed(claims, (await newKey()).privateKey, "unknown"),
  "that names no key": async ({ privateKey }) => signed(claims, privateKey, undefined),
  "without a signature": async () => new UnsecuredJWT(claims).setIssuedAt().setExpirationTime("1h").encode(),
  "with HMAC of the public key": async ({ publicKey, keyId }) => {
    const secret = Buffer.from((await exportJWK(publicKey)).x ?? "", "base64url");
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: keyId, typ: "JWT" })
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(secret);
  },
  "that is not a JWT by its type": async ({ privateKey, keyId }) => signed(claims, privateKey, keyId, "at+jwt"),
  "without an end": async ({ privateKey, keyId }) =>
    new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", kid: keyId, typ: "JWT" }).setIssuedAt().sign(privateKey),
  "whose claims were changed": async ({ sign }) => {
    const [header, , signature] = (await sign(claims)).split(".");
    const [, payload] = (await sign({ ...claims, role: "admin" })).split(".");
    return [header, payload, signature].join(".");
  },
  "that is empty": async () => "",
  "that is no token": async () => "a.b.c",
  "of 5,000 characters": async ({ sign }) => sign({ ...claims, more: "x".repeat(5_000) }),
};

for (const [what, forge] of Object.entries(forgeries)) {
  test(`a token ${what} is refused`, async (t) => {
    const profile = await startProfile(t);
    await refused(t, profile.tokens, await forge(profile));
  });
}

test("a token stops to be good when it expires, though it is remembered", async (t) => {
  const { sign, tokens } = await startProfile(t);
  const exp = nowSeconds() + 2;
  const token = await sign({ ...claims, exp });
  t.like(await tokens.verify(token), { userId: 7n });
  await sleep(exp * 1_000 - Date.now() + 10);
  await refused(t, tokens, token);
});

test("a token is good for no longer than any is, though it says so and is remembered", async (t) => {
  const { sign, tokens } = await startProfile(t);
  const endsAt = nowSeconds() + 2;
  const token = await sign({ ...claims, iat: endsAt - lifetimeSeconds, exp: endsAt + 3_600 });
  t.like(await tokens.verify(token), { userId: 7n });
  await sleep(endsAt * 1_000 - Date.now() + 10);
  await refused(t, tokens, token);
});

test("a key that was made just now is fetched, and one that is gone is good no more", async (t) => {
  const profile = await startProfile(t);
  const old = await profile.sign(claims);
  t.like(await profile.tokens.verify(old), { userId: 7n });
  await profile.rotate();
  t.like(await profile.tokens.verify(await profile.sign({ ...claims, sub: "8" })), { userId: 8n });
  await refused(t, profile.tokens, old);
});

test("only a token of an unknown key is looked up, and not where that is not allowed", async (t) => {
  const { sign, tokens } = await startProfile(t);
  const forbid = () => {
    throw new Unavailable("Not now");
  };
  await tokens.verify(await sign(claims));
  await t.notThrowsAsync(async () => tokens.verify(await sign({ ...claims, sub: "8" }), forbid));
  const unknown = await signed(claims, (await newKey()).privateKey, "unknown");
  await t.throwsAsync(async () => tokens.verify(unknown, forbid), { message: "Not now" });
});

test("many unknown keys at once cost one request to profile", async (t) => {
  const profile = await startProfile(t);
  await profile.tokens.verify(await profile.sign(claims));
  const before = profile.fetches();
  const stranger = await newKey();
  const forge = (_: unknown, index: number) => signed(claims, stranger.privateKey, `unknown-${index}`);
  const forged = await Promise.all(Array.from({ length: 50 }, forge));
  await Promise.all(forged.map((token) => refused(t, profile.tokens, token)));
  t.is(profile.fetches() - before, 1);
});

test("the tokens of a session that ended are good no more, remembered ones too", async (t) => {
  const profile = await startProfile(t);
  const token = await profile.sign(claims);
  t.like(await profile.tokens.verify(token), { userId: 7n });
  profile.end(70n);
  await until(() => isRefused(profile.tokens, token));
  await refused(t, profile.tokens, await profile.sign({ ...claims, username: "again" }));
  t.like(await profile.tokens.verify(await profile.sign({ ...claims, sid: "71" })), { sessionId: 71n });
});

test("the tokens of a session that ended are good no more, though profile's clock is ahead and others end later", async (t) => {
  const profile = await startProfile(t, { tokensLastSeconds: 1 });
  const ahead = nowSeconds() + 50;
  const sign = (sid: string) => profile.sign({ ...claims, sid, iat: ahead, exp: ahead + 1 });
  const [token, later] = [await sign("70"), await sign("71")];
  profile.end(70n);
  await until(() => isRefused(profile.tokens, token));
  await sleep(1_100);
  profile.end(71n);
  await until(() => isRefused(profile.tokens, later));
  await refused(t, profile.tokens, token);
});

test("sessions that end while profile is away are heard of when it is back", async (t) => {
  const profile = await startProfile(t);
  const token = await profile.sign(claims);
  await profile.tokens.verify(token);
  profile.leave();
  t.like(await profile.tokens.verify(await profile.sign({ ...claims, sub: "9" })), { userId: 9n });
  profile.end(70n);
  profile.comeBack();
  await until(() => isRefused(profile.tokens, token));
  t.pass();
});

test("no token is taken before it is known which sessions have ended", async (t) => {
  const profile = await startProfile(t, { isSilent: true });
  profile.end(70n);
  const [ended, good] = [await profile.sign(claims), await profile.sign({ ...claims, sid: "71" })];
  for (const token of [ended, good, good]) {
    t.like(visible(await failureOrCaller(profile.tokens, token)), { kind: "unavailable" });
  }
  t.false(profile.tokens.ready);
  profile.speak();
  await until(async () => profile.tokens.ready);
  await refused(t, profile.tokens, ended);
  t.like(await profile.tokens.verify(good), { sessionId: 71n });
});

test("where profile was never there, nothing is said of a token", async (t) => {
  const profile = await startProfile(t, { away: true });
  const failure = await failureOfCall(Promise.resolve(profile.tokens.verify(await profile.sign(claims))));
  t.like(visible(failure), { kind: "unavailable" });
});

type Profile = Awaited<ReturnType<typeof startProfile>>;

/** As much of profile as tokens need. */
async function startProfile(
  t: ExecutionContext,
  { away = false, isSilent = false, tokensLastSeconds = lifetimeSeconds } = {},
) {
  let { privateKey, publicKey } = await newKey();
  let keyId = "key-1";
  let fetches = 0;
  let isAway = away;
  const ended: bigint[] = [];
  const spoken = Promise.withResolvers<void>();
  if (!isSilent) spoken.resolve();
  let wake = Promise.withResolvers<void>();
  const refuseWhenAway = () => {
    if (isAway) throw new Unavailable();
  };
  const { log } = recordedLog();
  const dispatcher = new Dispatcher({ log });
  dispatcher.add(
    serveOnly(AuthService, {
      async getJsonWebKeys() {
        fetches++;
        refuseWhenAway();
        const { kty = "", crv = "", x = "" } = await exportJWK(publicKey);
        return { keys: [{ kty, crv, x, kid: keyId, use: "sig", alg: "EdDSA" }] };
      },
    }),
  );
  dispatcher.add(
    serveOnly(SessionService, {
      async *watchEndedSessions(_, { cancelled }) {
        cancelled?.addEventListener("abort", () => wake.resolve());
        await spoken.promise;
        for (let told = 0; !cancelled?.aborted; ) {
          refuseWhenAway();
          const sessionIds = ended.slice(told);
          told = ended.length;
          yield { sessionIds };
          await wake.promise;
        }
      },
    }),
  );
  const clients = new MeshClients({ config: { addresses: {}, grpcTls: undefined }, dispatcher, log });
  const tokens = new Tokens({ clients, tokenLifetimeSeconds: tokensLastSeconds, log });
  tokens.start();
  t.teardown(() => tokens.stop());
  if (!away && !isSilent) await until(async () => tokens.ready);
  const news = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  return {
    tokens,
    privateKey,
    publicKey,
    keyId,
    sign: (payload: JWTPayload) => signed(payload, privateKey, keyId),
    fetches: () => fetches,
    async rotate() {
      ({ privateKey, publicKey } = await newKey());
      keyId = "key-2";
    },
    end(sessionId: bigint) {
      ended.push(sessionId);
      news();
    },
    /** Tells of the sessions that have ended, where it was silent so far. */
    speak: () => spoken.resolve(),
    leave() {
      isAway = true;
      news();
    },
    comeBack() {
      isAway = false;
    },
  };
}

function newKey() {
  return generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
}

function signed(payload: JWTPayload, key: CryptoKey, kid: string | undefined, typ = "JWT"): Promise<string> {
  const exp = payload.exp ?? nowSeconds() + lifetimeSeconds;
  return new SignJWT({ ...payload, exp })
    .setProtectedHeader({ alg: "EdDSA", typ, ...(kid && { kid }) })
    .setIssuedAt(payload.iat)
    .sign(key);
}

function without(claim: keyof typeof claims): JWTPayload {
  const { [claim]: _, ...others } = claims;
  return others;
}

async function refused(t: ExecutionContext, tokens: Tokens, token: string): Promise<void> {
  const failure = await failureOrCaller(tokens, token);
  t.like(visible(failure), { kind: "unauthenticated", reason: "UNAUTHENTICATED", message: "Unauthenticated" });
}

async function isRefused(tokens: Tokens, token: string): Promise<boolean> {
  return (await failureOrCaller(tokens, token)) instanceof Error;
}

async function failureOrCaller(tokens: Tokens, token: string): Promise<unknown> {
  try {
    return await tokens.verify(token);
  } catch (error) {
    return error;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}
