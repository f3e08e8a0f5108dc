import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { compileMessageReader } from "../edge/decode.ts";
import { Reading } from "../edge/decode-value.ts";
import type { JsonObject } from "../edge/json-text.ts";
import { publicMethods } from "../edge/routes.ts";
import { readDescriptors } from "../mesh.ts";
import { sqliteEngine } from "../platform/testing/engines.ts";
import { runMesh } from "../testing/running-mesh.ts";
import {
  askConnect,
  askConnectInBytes,
  connectRefusalOf,
  type Fields,
  nameOf,
  requestOf,
  restRefusalOf,
} from "./testing/both-ways.ts";
import { goodRequests } from "./testing/good-requests.ts";
import { wrongRequests } from "./testing/wrong-requests.ts";

const engine = sqliteEngine();
const { mesh, anonymous, superAdmin, newStaff } = await runMesh(engine);
const user = (await anonymous.newUser()).client;
const vendor = await newStaff("vendor");
const before = rowCounts();

/** What JSON cannot say: no year that there is, and nanoseconds that are no part of a second. */
const noInstants = [
  { seconds: 253_402_300_800n, nanos: 0 },
  { seconds: 2n ** 63n - 1n, nanos: 0 },
  { seconds: -(2n ** 63n), nanos: 0 },
  { seconds: 4_102_444_799n, nanos: -1 },
];

test.after.always(async () => {
  await mesh.stop();
  await engine.remove();
});

for (const publicMethod of publicMethods(readDescriptors())) {
  const { method, bindings, access } = publicMethod;
  const name = nameOf(publicMethod);
  const good = goodRequests[name] ?? {};
  const isAdmins = access.anyone || access.roles.has(Role.SUPER_ADMIN);
  const client = isAdmins ? superAdmin : access.roles.has(Role.USER) ? user : vendor;

  test.serial(`${name} has a good request to go wrong with`, (t) => {
    const missing = method.input.fields.filter((field) => !(field.name in good) && field.name !== "cursor");
    t.deepEqual(
      missing.map((field) => field.name),
      [],
    );
  });

  for (const binding of bindings) {
    const { verb, path: route, pathFields, hasBody } = binding;
    const placeOf = (field: (typeof pathFields)[number]) => (hasBody && !pathFields.includes(field) ? "json" : "text");
    for (const { path, value, fields } of wrongRequests(method.input.fields, good, placeOf)) {
      test.serial(`${verb} ${route} with ${path} = ${abridged(value)} is a 422 on ${path}`, async (t) => {
        const { url, body } = requestOf(binding, fields);
        const answer = await client.request(verb, url, { body });
        t.is(answer.status, 422, answer.text);
        t.like(answer.body, { success: false, message: "Validation error", code: "VALIDATION_ERROR" });
        t.true(typeof answer.body.request_id === "string");
        t.deepEqual(Object.keys(answer.body.errors ?? {}), [path]);
        for (const sentence of answer.body.errors?.[path] ?? []) t.regex(sentence, /^The .+\.$/);
        const connect = await askConnect(client, name, fields);
        t.is(connect.status, 400, connect.text);
        // What a stream is asked is read by the library, which names no field that it cannot read.
        if (method.methodKind === "unary") t.deepEqual(connectRefusalOf(connect), restRefusalOf(answer));
      });
    }
  }

  for (const field of method.input.fields) {
    if (field.message?.typeName !== TimestampSchema.typeName) continue;
    for (const { seconds, nanos } of noInstants) {
      test.serial(`${name} in bytes with ${field.name} = ${seconds} s and ${nanos} ns is a 400 on it`, async (t) => {
        const request = messageOf(method.input, good);
        Object.assign(request, { [field.localName]: create(TimestampSchema, { seconds, nanos }) });
        const answer = await askConnectInBytes(client, name, request);
        t.is(answer.status, 400, answer.text);
        t.deepEqual(Object.keys(connectRefusalOf(answer).fields), [field.name]);
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

function messageOf(type: DescMessage, fields: Fields): Message {
  const message = create(type);
  compileMessageReader(type)(fields as JsonObject, message, "", new Reading());
  return message;
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
