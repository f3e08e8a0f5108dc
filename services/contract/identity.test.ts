import test from "ava";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { type Engine, engines } from "../platform/testing/engines.ts";
import type { Answer, RestClient } from "../testing/rest-client.ts";
import { runMesh } from "../testing/running-mesh.ts";

const password = "correct horse";

async function setUp(engine: Engine) {
  return { engine, ...(await runMesh(engine)) };
}

let users = 0;
const newName = () => `person-${process.pid}-${++users}`;

for (const { engine, mesh, anonymous, superAdmin, newStaff } of await Promise.all(engines().map(setUp))) {
  test.after.always(async () => {
    await mesh.stop();
    await engine.remove();
  });
  const login = (username: string) => anonymous.post("/auth/login", { username, password });

  test.serial(`registering answers 201 and the user, to the field on ${engine.name}`, async (t) => {
    const username = newName();
    const fields = { name: "Sara", email: "Sara@Example.com", phone_number: "0909123456" };
    const { status, body } = await anonymous.post("/auth/register", { username, password, ...fields });
    t.is(status, 201);
    t.deepEqual(body.data, {
      id: body.data?.id,
      username,
      name: "Sara",
      email: "Sara@Example.com",
      email_verified: false,
      phone_number: "+84909123456",
      phone_verified: false,
      role: "user",
      vendor_id: null,
    });
    t.true(Number.isSafeInteger(body.data?.id));
  });

  test.serial(`a user name is taken whatever its case on ${engine.name}`, async (t) => {
    const username = newName();
    t.is((await anonymous.post("/auth/register", { username, password })).status, 201);
    const again = await anonymous.post("/auth/register", { username: username.toUpperCase(), password });
    t.is(again.status, 422);
    t.deepEqual(again.body.errors, { username: ["The username has already been taken."] });
    t.is((await login(username.toUpperCase())).status, 200);
  });

  test.serial(`64 people who want one user name at once: one gets it on ${engine.name}`, async (t) => {
    const username = newName();
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => anonymous.post("/auth/register", { username, password })),
    );
    t.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [201, ...Array(63).fill(422)],
    );
  });

  test.serial(`signing in answers tokens that anybody can check with the public keys on ${engine.name}`, async (t) => {
    const username = newName();
    await anonymous.post("/auth/register", { username, password });
    const { status, body } = await login(username);
    t.is(status, 200);
    t.like(body.data, { token_type: "Bearer", expires_in: 900 });
    t.like(body.data?.user, { username, role: "user" });
    const keys = (await anonymous.get("/.well-known/jwks.json")).body as unknown as JSONWebKeySet;
    const { payload } = await jwtVerify(String(body.data?.token), createLocalJWKSet(keys));
    t.like(body.data, { user: { id: Number(payload.sub) } });
  });

  test.serial(`a wrong user name and a wrong password are answered alike on ${engine.name}`, async (t) => {
    const username = newName();
    await anonymous.post("/auth/register", { username, password });
    const wrong = await anonymous.post("/auth/login", { username, password: "incorrect horse" });
    const unknown = await anonymous.post("/auth/login", { username: newName(), password });
    const { request_id: _, ...body } = wrong.body;
    t.is(wrong.status, 401);
    t.deepEqual(body, { success: false, message: "Invalid username or password", code: "INVALID_CREDENTIALS" });
    t.deepEqual({ ...unknown.body, request_id: 0 }, { ...wrong.body, request_id: 0 } as never);
    t.is(unknown.status, 401);
  });

  test.serial(`repeated failure is slowed down, for names that nobody has too on ${engine.name}`, async (t) => {
    const username = newName();
    await anonymous.post("/auth/register", { username, password });
    for (const name of [username, newName()]) {
      let answer: Answer;
      let failures = 0;
      do {
        answer = await anonymous.post("/auth/login", { username: name, password: "wrong" });
        if (answer.status === 401) failures++;
      } while (answer.status === 401);
      t.true(failures >= 5);
      t.is(answer.status, 429);
      t.is(answer.body.code, "TOO_MANY_ATTEMPTS");
      t.true(Number(answer.headers.get("retry-after")) >= 1);
    }
  });

  test.serial(`a refresh token works once, and using it twice ends the session on ${engine.name}`, async (t) => {
    const username = newName();
    await anonymous.post("/auth/register", { username, password });
    const first = (await login(username)).body.data ?? {};
    const refresh = (refreshToken: unknown) => anonymous.post("/auth/refresh", { refresh_token: refreshToken });
    const second = await refresh(first.refresh_token);
    t.is(second.status, 200);
    t.is((await anonymous.as(String(second.body.data?.token)).get("/auth/me")).status, 200);

    const again = await refresh(first.refresh_token);
    t.is(again.status, 401);
    t.is(again.body.code, "INVALID_REFRESH_TOKEN");
    t.is((await refresh(second.body.data?.refresh_token)).status, 401);
    t.is((await anonymous.as(String(second.body.data?.token)).get("/auth/me")).status, 401);
    t.is((await anonymous.as(String(first.token)).get("/members/me/points")).status, 401);
  });

  test.serial(`64 uses of one refresh token at once: at most one goes on on ${engine.name}`, async (t) => {
    const username = newName();
    await anonymous.post("/auth/register", { username, password });
    const { refresh_token } = (await login(username)).body.data ?? {};
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => anonymous.post("/auth/refresh", { refresh_token })),
    );
    t.is(answers.filter(({ status }) => status === 200).length, 1);
    t.is(answers.filter(({ status }) => status === 401).length, 63);
  });

  test.serial(
    `64 duplicates of a sign-in with one idempotency key get one session, to the byte on ${engine.name}`,
    async (t) => {
      const username = newName();
      await anonymous.post("/auth/register", { username, password });
      const answers = await Promise.all(
        Array.from({ length: 64 }, () =>
          anonymous.post("/auth/login", { username, password }, { "idempotency-key": username }),
        ),
      );
      t.is(new Set(answers.map(({ text }) => text)).size, 1);
      t.is(answers[0]?.status, 200);
    },
  );

  test.serial(`signing out ends the session and leaves others alone on ${engine.name}`, async (t) => {
    const { username, client } = await anonymous.newUser();
    const other = await anonymous.login(username, password);
    const { status, body } = await client.post("/auth/logout");
    t.is(status, 200);
    t.deepEqual(body, { success: true, message: "Signed out successfully", data: null } as never);
    t.is((await client.get("/auth/me")).status, 401);
    t.is((await client.post("/auth/logout")).status, 401);
    t.is((await other.get("/auth/me")).status, 200);
  });

  const channels = [
    { channel: "email", contact: { email: "{name}@Example.com" }, flag: "email_verified", to: "{name}@Example.com" },
    { channel: "phone", contact: { phone_number: "+96650{number}" }, flag: "phone_verified", to: "%2B96650{number}" },
  ];
  for (const { channel, contact, flag, to } of channels) {
    test.serial(`a code that was sent verifies the ${channel}, once, for one person on ${engine.name}`, async (t) => {
      const name = newName();
      const number = String(1_000_000 + (process.pid % 1_000) * 1_000 + users);
      const fill = (text: string) => text.replace("{name}", name).replace("{number}", number);
      const fields = Object.fromEntries(Object.entries(contact).map(([key, value]) => [key, fill(value ?? "")]));
      const [sara, omar] = [await anonymous.newUser(fields), await anonymous.newUser(fields)];
      const confirm = (client: RestClient, code: string) =>
        client.post("/auth/verifications/confirm", { channel, code });

      t.is((await sara.client.post("/auth/verifications", { channel })).status, 202);
      const early = await sara.client.post("/auth/verifications", { channel });
      t.is(early.status, 429);
      t.is(early.body.code, "VERIFICATION_TOO_SOON");
      const elsewhere = await omar.client.post("/auth/verifications", { channel });
      t.is(elsewhere.status, 429, "another account fills the same mailbox no faster");

      const code = await newestCode(anonymous, fill(to));
      const wrong = await confirm(sara.client, code === "000000" ? "000001" : "000000");
      t.is(wrong.status, 400);
      t.is(wrong.body.code, "INVALID_VERIFICATION_CODE");
      t.is((await confirm(omar.client, code)).status, 400, "it is not for somebody else");
      const { status, body } = await confirm(sara.client, code);
      t.is(status, 200);
      t.is(body.data?.[flag], true);
      t.is((await confirm(sara.client, code)).status, 400, "it is used up");
      t.is((await sara.client.get("/auth/me")).body.data?.[flag], true);

      t.is((await omar.client.post("/auth/verifications", { channel })).status, 202);
      const taken = await confirm(omar.client, await newestCode(anonymous, fill(to), code));
      t.is(taken.status, 400);
      t.is(taken.body.code, "CONTACT_TAKEN");
    });
  }

  test.serial(`a code is dead after five wrong tries, though they come at once on ${engine.name}`, async (t) => {
    const email = `${newName()}@example.com`;
    const { client } = await anonymous.newUser({ email });
    await client.post("/auth/verifications", { channel: "email" });
    const code = await newestCode(anonymous, email);
    const wrong = code === "123456" ? "654321" : "123456";
    await Promise.all(
      Array.from({ length: 8 }, () => client.post("/auth/verifications/confirm", { channel: "email", code: wrong })),
    );
    t.is((await client.post("/auth/verifications/confirm", { channel: "email", code })).status, 400);
  });

  test.serial(`without a contact there is nothing to verify on ${engine.name}`, async (t) => {
    const { client } = await anonymous.newUser();
    const { status, body } = await client.post("/auth/verifications", { channel: "phone" });
    t.is(status, 400);
    t.is(body.code, "NO_CONTACT");
  });

  test.serial(`admins make users and vendors; only a super_admin makes admins on ${engine.name}`, async (t) => {
    const admin = await newStaff("admin");
    const make = (client: RestClient, fields: object) =>
      client.post("/admin-api/users", { username: newName(), password, ...fields });
    const vendor = await make(admin, { role: "vendor", vendor_id: 7 });
    t.is(vendor.status, 201);
    t.like(vendor.body.data, { role: "vendor", vendor_id: 7 });
    t.like((await make(admin, {})).body.data, { role: "user", vendor_id: null });
    for (const role of ["admin", "super_admin"]) {
      t.is((await make(admin, { role })).status, 403);
      t.like((await make(superAdmin, { role })).body.data, { role });
    }
    for (const fields of [{ role: "vendor" }, { role: "user", vendor_id: 7 }]) {
      const refused = await make(admin, fields);
      t.is(refused.status, 422);
      t.deepEqual(Object.keys(refused.body.errors ?? {}), ["vendor_id"]);
    }
  });

  test.serial(`the development mailbox lists what was sent, the newest first on ${engine.name}`, async (t) => {
    const email = `${newName()}@example.com`;
    const { client } = await anonymous.newUser({ email });
    await client.post("/auth/verifications", { channel: "email" });
    await newestCode(anonymous, email);
    const { status, body } = await anonymous.get(`/dev/messages?to=${email}`);
    t.is(status, 200);
    const [message] = body.data as unknown as Record<string, unknown>[];
    t.deepEqual(Object.keys(message ?? {}), ["id", "channel", "to", "subject", "body", "created_at"]);
    t.like(message, { channel: "email", to: email });
    t.like(body.meta, { current_page: 1, total: 1 });
  });
}

/** The code of the newest message to somebody, once one has come that is not `not`. */
async function newestCode(client: RestClient, to: string, not?: string): Promise<string> {
  for (;;) {
    const { body } = await client.get(`/dev/messages?to=${to}`);
    const [message] = body.data as unknown as { body: string }[];
    const code = /[0-9]{6}/.exec(message?.body ?? "")?.[0];
    if (code !== undefined && code !== not) return code;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
