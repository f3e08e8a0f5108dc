import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import test from "ava";
import { buildOpenApi } from "./openapi.ts";
import type { Json, MediaType, OpenApiDocument, Operation, Parameter } from "./openapi-document.ts";
import { publicMethods } from "./routes.ts";
import { echoRegistry, repository } from "./testdata/echo-edge.ts";

const descriptors = readFileSync(join(repository, "gen/descriptors.binpb"));
const giftmesh = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const development = { production: false };
const document = buildOpenApi(giftmesh, development);
const documents = { giftmesh: document, "every kind of field": buildOpenApi(echoRegistry, development) };

/** The contract's sections "Who am I", "Points" and "Around it". */
const contract = [
  "post /auth/register",
  "post /auth/login",
  "post /auth/refresh",
  "post /auth/logout",
  "get /auth/me",
  "post /auth/verifications",
  "post /auth/verifications/confirm",
  "get /.well-known/jwks.json",
  "post /admin-api/users",
  "post /members/{member_id}/points/charge",
  "get /members/{member_id}/points",
  "get /members/{member_id}/points/transactions",
  "get /admin-api/ledger/audit",
  "get /admin-api/ledger/liability",
  "get /healthz",
  "get /readyz",
  "get /metrics",
  "get /openapi.json",
  "get /docs",
  "get /dev/messages",
];

for (const route of contract) {
  test(`${route} is described`, (t) => {
    const [verb = "", path = ""] = route.split(" ");
    t.truthy(document.paths[path]?.[verb]);
  });
}

test("what is for development only comes last, and is not described in production", (t) => {
  t.deepEqual(
    document.tags.slice(-2).map(({ name }) => name),
    ["Mailbox", "Around it"],
  );
  t.falsy(buildOpenApi(giftmesh, { production: true }).paths["/dev/messages"]);
});

test("an internal RPC is not described", (t) => {
  const { paths } = buildOpenApi(echoRegistry, development);
  t.false(JSON.stringify(paths).includes("InternalService"));
});

for (const [name, described] of Object.entries(documents)) {
  test(`${name}: every reference leads somewhere`, (t) => {
    const references = everyObject(described).flatMap((one) => (typeof one.$ref === "string" ? [one.$ref] : []));
    t.true(references.length > 0);
    for (const reference of references) t.truthy(at(described, reference), reference);
  });

  test(`${name}: every operation has an id of its own and a tag that is there`, (t) => {
    const ids = operations(described).map(({ operation }) => operation.operationId);
    t.is(new Set(ids).size, ids.length);
    const tags = described.tags.map((tag) => tag.name);
    for (const { operation } of operations(described)) t.true(operation.tags.every((tag) => tags.includes(tag)));
  });

  test(`${name}: every tag, operation, parameter, answer, schema and property says what it is`, (t) => {
    const { schemas, parameters, headers } = described.components;
    const named = { ...schemas, ...parameters, ...headers };
    for (const [key, { description }] of Object.entries(named)) t.truthy(description, key);
    for (const tag of described.tags) t.truthy(tag.description, tag.name);
    for (const { operation, route } of operations(described)) {
      t.truthy(operation.summary, route);
      t.truthy(operation.description, route);
      for (const parameter of operation.parameters ?? [])
        t.truthy(resolve<Parameter>(described, parameter).description);
      for (const [status, answer] of Object.entries(operation.responses)) {
        t.truthy(resolve<{ description: string }>(described, answer).description, `${route} ${status}`);
      }
    }
    for (const { properties } of everyObject(described)) {
      for (const [key, value] of Object.entries(properties ?? {})) t.truthy((value as Described).description, key);
    }
  });

  test(`${name}: every path parameter is declared, and no other`, (t) => {
    for (const { operation, route } of operations(described)) {
      const declared = (operation.parameters ?? [])
        .map((parameter) => resolve<Parameter>(described, parameter))
        .flatMap((parameter) => (parameter.in === "path" ? [parameter.name] : []));
      t.deepEqual(declared, route.match(/(?<=\{)[^}]+/g) ?? [], route);
    }
  });
}

test("every example is what its schema allows", (t) => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  addFormats.default(ajv);
  ajv.addSchema(document, "giftmesh");
  let count = 0;
  const check = (pointer: string, example: Json, where: string) => {
    const validate = ajv.compile({ $ref: `giftmesh#${pointer}` });
    t.true(validate(example), `${where}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(example)}`);
    count++;
  };
  for (const { operation, route, pointer } of operations(document)) {
    const bodies: [string, Readonly<Record<string, MediaType>>][] = [
      [`${pointer}/requestBody/content`, operation.requestBody?.content ?? {}],
      ...Object.entries(operation.responses).map(([status, answer]): [string, Record<string, MediaType>] => [
        `${pointer}/responses/${status}/content`,
        { ...("content" in answer && answer.content) },
      ]),
    ];
    for (const [at, content] of bodies) {
      for (const [type, { example, examples }] of Object.entries(content)) {
        const values = Object.values(examples ?? {}).map(({ value }) => value);
        for (const value of example === undefined ? values : [example, ...values]) {
          check(`${at}/${escapePointer(type)}/schema`, value, `${route} ${at}`);
        }
      }
    }
    for (const [index, parameter] of (operation.parameters ?? []).entries()) {
      if ("example" in parameter && parameter.example !== undefined) {
        check(`${pointer}/parameters/${index}/schema`, parameter.example, `${route} ${parameter.name}`);
      }
    }
  }
  t.true(count > 50);
});

test("every route of an RPC names its Connect route and who may call, and asks for a token unless anyone may", (t) => {
  for (const { method, access, bindings } of publicMethods(giftmesh)) {
    for (const { path, verb } of bindings) {
      const operation = document.paths[path]?.[verb.toLowerCase()];
      t.regex(operation?.description ?? "", new RegExp(`POST /${method.parent.typeName}/${method.name}`));
      t.regex(operation?.description ?? "", /\*\*Who:\*\*/);
      t.is(operation?.security.length, access.anyone ? 0 : 1);
      const { responses = {} } = operation ?? {};
      if (!access.anyone) t.true("401" in responses);
      if (!access.anyone && access.roles.size < 4) t.true("403" in responses);
    }
  }
});

test("a refusal that a comment names is an example of its status", (t) => {
  const charge = document.paths["/members/{member_id}/points/charge"]?.post;
  t.like(exampleOf(charge, "400", "CHARGE_DECLINED"), { success: false, code: "CHARGE_DECLINED" });
  t.truthy(exampleOf(document.paths["/auth/login"]?.post, "401", "INVALID_CREDENTIALS"));
  t.truthy(exampleOf(document.paths["/auth/verifications"]?.post, "429", "RATE_LIMITED"));
  t.truthy(exampleOf(document.paths["/auth/verifications"]?.post, "429", "VERIFICATION_TOO_SOON"));
  t.truthy(exampleOf(document.paths["/auth/verifications/confirm"]?.post, "400", "CONTACT_TAKEN"));
});

test("nothing is forbidden to a caller where every role may call", (t) => {
  t.false("403" in (document.paths["/auth/me"]?.get?.responses ?? {}));
  t.true("403" in (document.paths["/admin-api/ledger/audit"]?.get?.responses ?? {}));
});

test("the example of an invalid field is one that the path does not have", (t) => {
  const charge = document.paths["/members/{member_id}/points/charge"]?.post;
  t.like(exampleOf(charge, "422", "VALIDATION_ERROR"), { errors: { amount: ["The amount field is required."] } });
});

test("a summary is the first clause of the comment", (t) => {
  const charge = document.paths["/members/{member_id}/points/charge"]?.post;
  t.is(charge?.summary, "Charges points, once the payment provider approves");
});

test("a body has the fields that the path does not have, with the limits of their rules", (t) => {
  t.like(document.components.schemas.ChargePointsRequest, {
    required: ["amount"],
    properties: {
      amount: { type: ["string", "number"], minLength: 1, maxLength: 32 },
      currency: { pattern: "^[A-Z]{3}$" },
    },
  });
  t.false("member_id" in (document.components.schemas.ChargePointsRequest?.properties ?? {}));
  t.like(document.components.schemas.RegisterRequest?.properties, {
    username: { minLength: 3, maxLength: 64, pattern: "^[A-Za-z0-9._@+-]*$", examples: ["sara"] },
    email: { format: "email", maxLength: 254 },
  });
});

test("a query parameter has the limits of its rules and what an unset one means", (t) => {
  const list = document.paths["/members/{member_id}/points/transactions"]?.get;
  const parameters = (list?.parameters ?? []).map((one) => resolve<Parameter>(document, one));
  t.like(
    parameters.find(({ name }) => name === "per_page"),
    { in: "query", schema: { type: "integer", minimum: 1, maximum: 100, default: 20 } },
  );
  t.like(
    parameters.find(({ name }) => name === "from"),
    { in: "query", schema: { type: "string", format: "date-time" } },
  );
});

test("an answer has all of its fields, and null for one that is not set", (t) => {
  const user = document.components.schemas.User;
  t.deepEqual(user?.required, Object.keys(user?.properties ?? {}));
  t.like(user?.properties, {
    id: { type: "integer", format: "int64", maximum: Number.MAX_SAFE_INTEGER },
    name: { type: ["string", "null"] },
    role: { $ref: "#/components/schemas/Role" },
  });
  t.deepEqual(document.components.schemas.Role?.enum, ["user", "vendor", "admin", "super_admin"]);
});

test("an answer is in the envelope with its status, a list with meta, and a bare one by itself", (t) => {
  const created = document.paths["/auth/register"]?.post?.responses["201"];
  t.like(schemaOf(created, "application/json"), { required: ["success", "message", "data"] });
  const list = document.paths["/members/{member_id}/points/transactions"]?.get?.responses["200"];
  t.like(schemaOf(list, "application/json"), { required: ["success", "message", "data", "meta"] });
  const bare = document.paths["/.well-known/jwks.json"]?.get?.responses["200"];
  t.like(schemaOf(bare, "application/jwk-set+json"), { $ref: "#/components/schemas/GetJsonWebKeysResponse" });
});

test("a form has its files, a stream its events, and every binding its place", (t) => {
  const { paths, components } = documents["every kind of field"];
  const upload = paths["/uploads/{folder}"]?.post;
  t.truthy(upload?.requestBody?.content["multipart/form-data"]);
  t.like(components.schemas.UploadRequestForm?.properties, { front_image: { format: "binary", maxLength: undefined } });
  t.like(components.schemas.UploadRequest?.properties, { front_image: { contentEncoding: "base64" } });
  t.like(schemaOf(paths["/ticks"]?.get?.responses["200"], "text/event-stream"), {
    contentSchema: { $ref: "#/components/schemas/Tick" },
  });
  t.truthy(paths["/things/search"]?.post?.requestBody);
  t.falsy(paths["/things"]?.get?.requestBody);
});

test("bytes are of their own media type, and what may be kept has its tag and a 304", (t) => {
  const { paths } = documents["every kind of field"];
  const { responses = {} } = paths["/pictures/{name}"]?.get ?? {};
  t.like(schemaOf(responses["200"], "image/*"), { type: "string", format: "binary" });
  t.like(responses["200"], {
    headers: { "Cache-Control": { schema: { const: "public, max-age=31536000, immutable" } } },
  });
  t.like(responses["304"], { headers: { ETag: { $ref: "#/components/headers/ETag" } } });
  t.truthy(schemaOf(paths["/downloads"]?.post?.responses["201"], "text/csv"));
  t.like(schemaOf(paths["/news"]?.get?.responses["200"], "application/json"), {
    required: ["success", "message", "data"],
  });
  t.truthy(paths["/news"]?.get?.responses["304"]);
  t.falsy(paths["/things"]?.get?.responses["304"]);
});

test("a call that has an effect may carry an idempotency key, and no other", (t) => {
  // A read may have a POST beside its GET.
  const reads = publicMethods(giftmesh).filter(({ bindings }) => bindings[0].verb === "GET");
  const readRoutes = reads.flatMap(({ bindings }) => bindings.map(({ verb, path }) => `${verb.toLowerCase()} ${path}`));
  for (const { operation, route } of operations(document)) {
    const mayCarry = (operation.parameters ?? []).some((one) => "$ref" in one && one.$ref.endsWith("/IdempotencyKey"));
    t.is(mayCarry, !route.startsWith("get ") && !readRoutes.includes(route), route);
    t.is("409" in operation.responses, mayCarry, route);
  }
});

interface Described {
  readonly description?: string;
}

function operations(described: OpenApiDocument) {
  return Object.entries(described.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([verb, operation]) => ({
      operation,
      route: `${verb} ${path}`,
      pointer: `/paths/${escapePointer(path)}/${verb}`,
    })),
  );
}

/** Every object in a document, however deep. */
function everyObject(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.values(value).flatMap((one) => everyObject(one));
  return Array.isArray(value) ? inner : [value as Record<string, unknown>, ...inner];
}

function resolve<Target>(described: OpenApiDocument, one: object): Target {
  return ("$ref" in one ? at(described, String(one.$ref)) : one) as Target;
}

function at(described: OpenApiDocument, reference: string): unknown {
  let value: unknown = described;
  for (const name of reference.replace(/^#\//, "").split("/")) value = (value as Record<string, unknown>)?.[name];
  return value;
}

/** A name in a JSON pointer that is a URI fragment (RFC 6901, 6). */
function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}

function exampleOf(operation: Operation | undefined, status: string, reason: string): Json | undefined {
  const answer = operation?.responses[status];
  const content = answer && "content" in answer ? answer.content : undefined;
  return content?.["application/json"]?.examples?.[reason]?.value;
}

function schemaOf(answer: object | undefined, type: string): object | undefined {
  const { content } = (answer ?? {}) as { readonly content?: Readonly<Record<string, MediaType>> };
  return content?.[type]?.schema;
}
