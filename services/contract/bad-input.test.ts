import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type DescField, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import test from "ava";
import { field as fieldRules } from "../../gen/buf/validate/validate_pb.ts";
import { type PublicMethod, publicMethods } from "../edge/routes.ts";
import { readDescriptors } from "../mesh.ts";
import { sqliteEngine } from "../platform/testing/engines.ts";
import { runMesh } from "../testing/running-mesh.ts";

/** A good request for every public RPC that takes fields; the test that there is one for each fails without. */
const good: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "AuthService/Register": {
    username: "somebody",
    password: "correct horse",
    name: "Some Body",
    email: "some@example.com",
    phone_number: "+966501234567",
  },
  "AuthService/Login": { username: "somebody", password: "correct horse" },
  "AuthService/Refresh": { refresh_token: "x" },
  "AuthService/RequestVerification": { channel: "email" },
  "AuthService/ConfirmVerification": { channel: "email", code: "123456" },
  "UserAdminService/CreateUser": {
    username: "somebody",
    password: "correct horse",
    name: "Some Body",
    email: "some@example.com",
    phone_number: "+966501234567",
    role: "vendor",
    vendor_id: 1,
  },
  "PointsService/ChargePoints": { member_id: "me", amount: "1.00", currency: "SAR" },
  "PointsService/GetPoints": { member_id: "me" },
  "PointsService/ListTransactions": {
    member_id: "me",
    currency: "SAR",
    type: "charge",
    from: "2026-01-01T00:00:00Z",
    to: "2026-01-02",
    page: 1,
    per_page: 20,
  },
  "LedgerAdminService/GetLiability": { as_of: "2026-01-01" },
  "MailboxService/ListMessages": { to: "some@example.com", page: 1, per_page: 20 },
};

const engine = sqliteEngine();
const { mesh, superAdmin } = await runMesh(engine);
const before = rowCounts();

test.after.always(async () => {
  await mesh.stop();
  await engine.remove();
});

for (const publicMethod of publicMethods(readDescriptors())) {
  const { method, bindings } = publicMethod;
  const name = `${method.parent.name}/${method.name}`;
  const [{ verb, path, pathFields, hasBody }] = bindings;

  test(`${name} has a good request to go wrong with`, (t) => {
    const named = Object.keys(good[name] ?? {});
    const missing = method.input.fields.filter((field) => !named.includes(field.name) && field.name !== "cursor");
    t.deepEqual(
      missing.map((field) => field.name),
      [],
    );
  });

  for (const field of method.input.fields) {
    const isInPath = pathFields.includes(field);
    for (const wrong of wrongValues(field, hasBody && !isInPath)) {
      test(`${verb} ${path} with ${field.name} = ${abridged(wrong)} is a 422 on ${field.name}`, async (t) => {
        const { page: _, ...request } = { ...good[name], [field.name]: wrong } as Record<string, unknown>;
        const fields: Record<string, unknown> = field.name === "page" ? { ...request, page: wrong } : request;
        const answer = await superAdmin.request(verb, urlOf(publicMethod, fields), {
          body: hasBody ? bodyOf(publicMethod, fields) : undefined,
        });
        t.is(answer.status, 422, answer.text);
        t.like(answer.body, { success: false, message: "Validation error", code: "VALIDATION_ERROR" });
        t.true(typeof answer.body.request_id === "string");
        t.deepEqual(Object.keys(answer.body.errors ?? {}), [field.name]);
        for (const sentence of answer.body.errors?.[field.name] ?? []) t.regex(sentence, /^The .+\.$/);
      });
    }
  }
}

test.serial("a body that is not JSON, or no object, is a 400 and a wrong content type too", async (t) => {
  for (const body of ["{", "", "[]", '"text"', "null", '{"amount": 1}}', "\u0000"]) {
    const { status, body: answer } = await superAdmin.post("/members/me/points/charge", body);
    if (body === "") t.is(status, 422);
    else t.deepEqual([status, answer.code], [400, "MALFORMED_JSON"], body);
  }
  const plain = await superAdmin.post("/members/me/points/charge", "amount=1", { "content-type": "text/plain" });
  t.is(plain.status, 400);
});

test.serial("an idempotency key that cannot be one is a 422", async (t) => {
  for (const key of ["", "x".repeat(256), "with\ttab"]) {
    const answer = await superAdmin.post("/members/me/points/charge", { amount: 1 }, { "idempotency-key": key });
    t.is(answer.status, 422, JSON.stringify(key));
  }
});

test.after("nothing of all that has written anything", (t) => {
  t.deepEqual(rowCounts(), before);
});

/** A value for each way in which a field can be wrong: its type, and each rule that it has. */
function wrongValues(field: DescField, inJson: boolean): unknown[] {
  const wrong: unknown[] = [];
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  if (rules?.required && inJson) wrong.push(undefined, null);
  if (field.fieldKind === "scalar" && field.scalar === ScalarType.STRING) {
    if (inJson) wrong.push(true, [], {}, ["text"]);
    if (rules?.type.case === "string") {
      const { minLen, maxLen, pattern, wellKnown } = rules.type.value;
      if (minLen > 1n && inJson) wrong.push("x".repeat(Number(minLen) - 1));
      if (minLen > 0n || (rules.required && inJson)) wrong.push("");
      if (maxLen > 0n) wrong.push("x".repeat(Number(maxLen) + 1));
      if (pattern !== "") wrong.push("no ! good");
      if (wellKnown.case === "email") wrong.push("nobody", "a@b@c", "a b@example.com");
    }
  } else if (field.fieldKind === "scalar") {
    wrong.push("x", "1.5", "9007199254740992");
    if (inJson) wrong.push(true, [], {}, 1.5, 2 ** 53);
    if (rules?.type.case === "int64" || rules?.type.case === "int32") wrong.push(0, -1);
  } else if (field.fieldKind === "enum") {
    wrong.push("nonsense", `${field.enum.name}_UNSPECIFIED`, "");
    if (inJson) wrong.push(true, [], {}, 99);
  } else {
    wrong.push("nonsense", "2026-02-30", "2026-01-01T25:00:00Z", "2026-01-01 00:00", "");
    if (inJson) wrong.push(true, [], {}, 12);
  }
  if (field.name === "cursor") return ["", "nonsense", "x".repeat(201)];
  return wrong;
}

function urlOf({ bindings: [{ path, pathFields, hasBody }] }: PublicMethod, fields: Record<string, unknown>): string {
  const inPath = path.replace(/\{([a-z_]+)\}/g, (_, name: string) => encodeURIComponent(String(fields[name])));
  if (hasBody) return inPath;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (!pathFields.some((field) => field.name === name)) query.append(name, String(value));
  }
  return `${inPath}?${query}`;
}

function bodyOf({ bindings: [{ pathFields }] }: PublicMethod, fields: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => !pathFields.some((field) => field.name === name)),
  );
}

function abridged(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 40 ? `${text.slice(0, 20)}… (${text.length - 2} characters)` : text;
}

/** Rows of every table of every service, but for those that the platform keeps for itself. */
function rowCounts(): Record<string, unknown> {
  const directory = engine.environment.DATA_DIR ?? "";
  const counts: Record<string, unknown> = {};
  for (const file of readdirSync(directory).filter((one) => one.endsWith(".sqlite"))) {
    const database = new DatabaseSync(join(directory, file), { readOnly: true });
    for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
      if (["leases", "relay_store", "inbox"].includes(String(name))) continue;
      counts[`${file} ${name}`] = database.prepare(`SELECT COUNT(*) AS count FROM "${name}"`).get()?.count;
    }
    database.close();
  }
  return counts;
}
