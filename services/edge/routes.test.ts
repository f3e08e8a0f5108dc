import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, createRegistry, type FileRegistry, fromBinary, hasOption } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { readConfig } from "../platform/config.ts";
import { accessOf } from "../platform/rpc/access.ts";
import { createEdge } from "./edge.ts";
import { publicMethods } from "./routes.ts";
import { compileProto, createLog, echoRegistry, repository } from "./testdata/echo-edge.ts";

const descriptors = readFileSync(join(repository, "gen/descriptors.binpb"));
const giftmesh = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));

test("every RPC of giftmesh that has a route has an access rule, and the other way round", (t) => {
  const methods = [...giftmesh].flatMap((type) => (type.kind === "service" ? type.methods : []));
  for (const method of methods) {
    t.is(hasOption(method, http), accessOf(method) !== undefined, `${method.parent.typeName}/${method.name}`);
  }
  t.is(publicMethods(giftmesh).length, methods.filter((method) => hasOption(method, http)).length);
});

test("the edge can serve every public RPC of giftmesh", async (t) => {
  const never = () => {
    throw new Error("Nobody calls");
  };
  const edge = await createEdge({
    config: { ...readConfig({}), edgePort: 0 },
    registry: giftmesh,
    invoker: { unary: never, stream: never },
    tokens: { verify: never },
    log: createLog().log,
    ready: () => true,
    metrics: () => "",
  });
  await t.notThrowsAsync(edge.stop());
});

test("an RPC's bindings are its rule and then its additional ones, with their path fields, body and answer", (t) => {
  const search = publicMethods(echoRegistry).find(({ method }) => method.name === "Search");
  const bindings = search?.bindings.map(({ verb, path, pathFields, hasBody, responseField }) => [
    verb,
    path,
    pathFields.map(({ name }) => name),
    hasBody,
    responseField?.name,
  ]);
  t.deepEqual(bindings, [
    ["GET", "/things", [], false, "things"],
    ["POST", "/things/search", [], true, undefined],
    ["GET", "/kinds/{kind}/things/{name}/all.json", ["kind", "name"], false, undefined],
  ]);
});

const anyone = "option (giftmesh.common.v1.access) = {anyone: true};";
const getA = 'option (google.api.http) = {get: "/a"};';

interface BadOptions {
  readonly title: string;
  readonly rpc?: string;
  readonly options: string;
  readonly message: RegExp;
}

const badOptions: readonly BadOptions[] = [
  {
    title: "a route without an access rule",
    options: getA,
    message: /no access rule/,
  },
  {
    title: "an access rule without a route",
    options: anyone,
    message: /no google.api.http/,
  },
  {
    title: "a success message without a route",
    options: 'option (giftmesh.common.v1.rest) = {success_message: "Hi"};',
    message: /rest but no google.api.http/,
  },
  {
    title: "an access rule that lets nobody in",
    options: `${getA} option (giftmesh.common.v1.access) = {};`,
    message: /lets nobody in/,
  },
  {
    title: "a proof that is a field that there is not",
    options: `${getA} option (giftmesh.common.v1.access) = {anyone: true, proof_field: "b"};`,
    message: /field b,/,
  },
  {
    title: "a proof that is no string",
    options: `${getA} option (giftmesh.common.v1.access) = {anyone: true, proof_field: "texts"};`,
    message: /texts, which is no string/,
  },
  {
    title: "a proof of those who are signed in",
    options: `${getA} option (giftmesh.common.v1.access) = {roles: ROLE_USER, proof_field: "text"};`,
    message: /only for what anyone may call/,
  },
  {
    title: "a route without a path",
    options: `option (google.api.http) = {}; ${anyone}`,
    message: /without a path/,
  },
  {
    title: "a body that is one field",
    options: `option (google.api.http) = {post: "/a", body: "text"}; ${anyone}`,
    message: /only "\*" is known/,
  },
  {
    title: "a GET with a body",
    options: `option (google.api.http) = {get: "/a", body: "*"}; ${anyone}`,
    message: /body on a GET/,
  },
  {
    title: "a path with a field that there is not",
    options: `option (google.api.http) = {get: "/a/{b}"}; ${anyone}`,
    message: /field b,/,
  },
  {
    title: "a path with a pattern",
    options: `option (google.api.http) = {get: "/a/{text=**}"}; ${anyone}`,
    message: /cannot have: \/a\/\{text=\*\*\}/,
  },
  {
    title: "a path with a repeated field",
    options: `option (google.api.http) = {get: "/a/{texts}"}; ${anyone}`,
    message: /cannot take texts/,
  },
  {
    title: "an answer that is a field that there is not",
    options: `option (google.api.http) = {get: "/a", response_body: "b"}; ${anyone}`,
    message: /field b,/,
  },
  {
    title: "a stream that answers a POST",
    rpc: "(A) returns (stream A)",
    options: `option (google.api.http) = {post: "/a", body: "*"}; ${anyone}`,
    message: /needs a GET/,
  },
  {
    title: "a stream of requests",
    rpc: "(stream A) returns (A)",
    options: `option (google.api.http) = {post: "/a", body: "*"}; ${anyone}`,
    message: /stream of requests/,
  },
  {
    title: "a status that the contract has not",
    options: `${getA} ${anyone} option (giftmesh.common.v1.rest) = {success_status: 204};`,
    message: /success_status 204/,
  },
  {
    title: "a form without a body",
    options: `${getA} ${anyone} option (giftmesh.common.v1.rest) = {multipart: true};`,
    message: /multipart but has no body/,
  },
  {
    title: "a media type in an envelope",
    options: `${getA} ${anyone} option (giftmesh.common.v1.rest) = {content_type: "a/b"};`,
    message: /not bare/,
  },
  {
    title: "bytes in an envelope",
    rpc: "(A) returns (google.api.HttpBody)",
    options: `${getA} ${anyone}`,
    message: /must be bare/,
  },
  {
    title: "bytes of no media type",
    rpc: "(A) returns (google.api.HttpBody)",
    options: `${getA} ${anyone} option (giftmesh.common.v1.rest) = {bare: true};`,
    message: /of a content_type/,
  },
  {
    title: "a part of bytes",
    rpc: "(A) returns (google.api.HttpBody)",
    options: `option (google.api.http) = {get: "/a", response_body: "data"}; ${anyone}
      option (giftmesh.common.v1.rest) = {bare: true, content_type: "a/b"};`,
    message: /whole/,
  },
  {
    title: "an attachment that is a message",
    options: `${getA} ${anyone} option (giftmesh.common.v1.rest) = {attachment: "a.csv"};`,
    message: /is an attachment but/,
  },
  {
    title: "an attachment whose name would break its header",
    rpc: "(A) returns (google.api.HttpBody)",
    options: `${getA} ${anyone}
      option (giftmesh.common.v1.rest) = {bare: true, content_type: "a/b", attachment: "a\\".csv"};`,
    message: /without a name/,
  },
  {
    title: "an answer for some that all may keep",
    options: `${getA} option (giftmesh.common.v1.access) = {roles: [ROLE_USER]};
      option (giftmesh.common.v1.rest) = {cache_control: "public, max-age=60"};`,
    message: /not be called by anyone/,
  },
  {
    title: "an effect that may be kept",
    options: `option (google.api.http) = {post: "/a"}; ${anyone}
      option (giftmesh.common.v1.rest) = {cache_control: "public, max-age=60"};`,
    message: /is no plain GET/,
  },
];

const badServices = compileServices(badOptions);

for (const [index, { title, message }] of badOptions.entries()) {
  test(`${title} is refused at the start, with the name of the RPC`, (t) => {
    const service = badServices.getService(`bad${index}.v1.BadService`);
    if (!service) throw new Error(`There is no service of ${title}`);
    const error = t.throws(() => publicMethods(createRegistry(service)), { message });
    t.true(error?.message.startsWith(`${service.typeName}/Do `), error?.message);
  });
}

/** One compilation for all: it takes as long as for one. */
function compileServices(all: readonly BadOptions[]): FileRegistry {
  const workspace = mkdtempSync(join(tmpdir(), "giftmesh-edge-"));
  try {
    cpSync(join(repository, "proto"), join(workspace, "proto"), { recursive: true });
    mkdirSync(join(workspace, "bad"));
    for (const [index, { rpc = "(A) returns (A)", options }] of all.entries()) {
      writeFileSync(
        join(workspace, `bad/bad${index}.proto`),
        `syntax = "proto3"; package bad${index}.v1;
        import "giftmesh/common/v1/access.proto";
        import "giftmesh/common/v1/rest.proto";
        import "google/api/annotations.proto";
        import "google/api/httpbody.proto";
        message A { string text = 1; repeated string texts = 2; }
        service BadService { rpc Do${rpc} { ${options} } }`,
      );
    }
    return compileProto("bad", workspace);
  } finally {
    rmSync(workspace, { recursive: true });
  }
}
