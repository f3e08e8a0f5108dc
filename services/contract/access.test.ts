import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { publicMethods } from "../edge/routes.ts";
import { readDescriptors } from "../mesh.ts";
import { sqliteEngine } from "../platform/testing/engines.ts";
import type { RestClient } from "../testing/rest-client.ts";
import { runMesh } from "../testing/running-mesh.ts";
import { askConnect, nameOf } from "./testing/both-ways.ts";

/** The keys are given, so that tokens of every bad kind can be made. */
const { privateKey, publicKey: _ } = await generateKeyPair("EdDSA", { extractable: true });
const { privateKey: strangerKey } = await generateKeyPair("EdDSA", { extractable: true });
const keysFile = join(mkdtempSync(join(tmpdir(), "giftmesh-")), "keys.json");
writeFileSync(keysFile, JSON.stringify({ keys: [{ ...(await exportJWK(privateKey)), kid: "test", alg: "EdDSA" }] }));

const engine = sqliteEngine();
const { mesh, anonymous, superAdmin, newStaff } = await runMesh(engine, { SIGNING_KEYS: keysFile });
const victim = await anonymous.newUser();
const user = (await anonymous.newUser()).client;
const good = {
  "a user": { token: user.token, role: Role.USER },
  "a vendor": { token: (await newStaff("vendor")).token, role: Role.VENDOR },
  "an admin": { token: (await newStaff("admin")).token, role: Role.ADMIN },
  "a super_admin": { token: superAdmin.token, role: Role.SUPER_ADMIN },
};

const claims = JSON.parse(Buffer.from(user.token?.split(".")[1] ?? "", "base64url").toString());
const sign = (payload: object, key = privateKey, header: object = {}) =>
  new SignJWT({ ...payload }).setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid: "test", ...header }).sign(key);
const [head = "", body = "", signature = ""] = (user.token ?? "").split(".");
const unknownKey = "a token of a key that is not known";
const bad = {
  "an expired token": await sign({ ...claims, exp: Math.floor(Date.now() / 1_000) - 1 }),
  "a token of another key": await sign(claims, strangerKey),
  [unknownKey]: await sign(claims, strangerKey, { kid: "stranger" }),
  "a token with alg none": new UnsecuredJWT(claims).encode(),
  "a token that was tampered with": [
    head,
    Buffer.from(JSON.stringify({ ...claims, role: "super_admin" })).toString("base64url"),
    signature,
  ].join("."),
  "a token without its signature": `${head}.${body}.`,
  "a token without an expiry": await sign({ ...claims, exp: undefined }),
  "no token at all but a word": "nonsense",
};

const registry = readDescriptors();

test.after.always(async () => {
  await mesh.stop();
  await engine.remove();
});

for (const publicMethod of publicMethods(registry)) {
  const { bindings, access } = publicMethod;
  for (const { verb, path } of bindings) {
    const name = `${verb} ${path}`;
    // Another's things, so that whoever is let in by their role alone is seen.
    const concrete = path.replace(/\{([a-z_]+)\}/g, (_, field) =>
      field === access.callerField?.name ? String(victim.id) : "1",
    );
    const theirs = access.callerField ? { [access.callerField.name]: String(victim.id) } : {};
    const ways = {
      REST: async (client: RestClient) => {
        const { status, body } = await client.request(verb, concrete, { body: verb === "GET" ? undefined : {} });
        return { status, code: body.code };
      },
      Connect: async (client: RestClient) => {
        const { status, body } = await askConnect(client, nameOf(publicMethod), theirs);
        return { status, code: reasonOf(body) };
      },
    };
    for (const [way, askAs] of Object.entries(ways)) {
      const ask = (token: string | undefined) => askAs(anonymous.as(token));

      test.serial(`${name} by ${way} is ${access.anyone ? "open to" : "closed to"} who is not signed in`, async (t) => {
        const { status, code } = await ask(undefined);
        t.is(code === "UNAUTHENTICATED", !access.anyone);
        if (!access.anyone) t.is(status, 401);
      });

      for (const [who, { token, role }] of Object.entries(good)) {
        const isAdmin = role === Role.ADMIN || role === Role.SUPER_ADMIN;
        const hasRole =
          access.anyone || access.roles.has(role) || (role === Role.SUPER_ADMIN && access.roles.has(Role.ADMIN));
        const expected = !hasRole ? "403" : access.callerField && !isAdmin ? "404" : "neither 401 nor 403";
        // Signing somebody out would leave the rest of the tests without them.
        if (name === "POST /auth/logout") continue;
        test.serial(`${name} by ${way} for ${who} is ${expected}`, async (t) => {
          const { status, code } = await ask(token);
          if (expected === "403") t.deepEqual({ status, code }, { status: 403, code: "FORBIDDEN" });
          else if (expected === "404") t.is(status, 404);
          else t.false(code === "UNAUTHENTICATED" || code === "FORBIDDEN", `${status} ${code}`);
        });
      }

      for (const [what, token] of Object.entries(bad)) {
        // A key that is not known is asked for no more than once a second: all of these wait for it together.
        const declare = what === unknownKey ? test : test.serial;
        declare(`${name} by ${way} with ${what} is 401`, async (t) => {
          t.deepEqual(await ask(token), { status: 401, code: "UNAUTHENTICATED" });
        });
      }
    }
  }
}

const isPublic = new Set(publicMethods(registry).map(({ method }) => method));
for (const type of registry) {
  for (const method of type.kind === "service" ? type.methods : []) {
    if (isPublic.has(method)) continue;
    const path = `/${method.parent.typeName}/${method.name}`;
    test.serial(`${path} is internal: even a super_admin cannot reach it from outside`, async (t) => {
      t.is((await superAdmin.post(path, {})).status, 404);
    });
  }
}

/** Connect tells the reason in a google.rpc.ErrorInfo among its details. */
function reasonOf(body: Readonly<Record<string, unknown>>): string | undefined {
  const details = (body.details ?? []) as { type: string; debug?: { reason?: string }; value?: string }[];
  const info = details.find(({ type }) => type === "google.rpc.ErrorInfo");
  return info && /[A-Z][A-Z_]{3,}/.exec(Buffer.from(info.value ?? "", "base64").toString("latin1"))?.[0];
}
