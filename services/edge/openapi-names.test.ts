import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { buildOpenApi } from "./openapi.ts";
import { SchemaNames } from "./openapi-names.ts";
import { inReadingOrder } from "./openapi-order.ts";
import { publicMethods } from "./routes.ts";
import { compileProto, repository } from "./testdata/echo-edge.ts";

/** Both have a `Thing`, and each has one that the other does not have. */
const registry = compilePackages(["alpha", "beta"]);
const { schemas } = buildOpenApi(registry, { production: false }).components;

test("a schema is named by its message, and by the package too where two messages have one name", (t) => {
  t.truthy(schemas["alpha.Thing"]);
  t.truthy(schemas["beta.Thing"]);
  t.truthy(schemas.Onlyalpha);
  t.truthy(schemas.Onlybeta);
  t.falsy(schemas.Thing);
});

test("a message that is named as the schema of failures has its package before it", (t) => {
  t.is(schemas.Error?.description, "Why a request was refused.");
  t.truthy(schemas["alpha.Error"]);
});

test("no name hangs on the order of the files", (t) => {
  const methods = publicMethods(registry);
  const [forwards, backwards] = [new SchemaNames(methods), new SchemaNames(methods.toReversed())];
  for (const type of registry) {
    if (type.kind === "message") t.is(backwards.of(type), forwards.of(type));
  }
});

test("a client reads of signing in first and of what is for admins last, whatever the order of the files", (t) => {
  const descriptors = readFileSync(join(repository, "gen/descriptors.binpb"));
  const giftmesh = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const methods = publicMethods(giftmesh);
  const inOrder = inReadingOrder(methods);
  t.is(new Set(inOrder).size, methods.length);
  const services = [...new Set(inOrder.map(({ method }) => method.parent.name))];
  t.deepEqual(services.slice(0, 2), ["AuthService", "PointsService"]);
  t.is(services.at(-1), "MailboxService");
  t.true(services.indexOf("UserAdminService") > services.length / 2);
  const otherwise = inReadingOrder(methods.toReversed());
  t.deepEqual([...new Set(otherwise.map(({ method }) => method.parent.name))], services);
});

function compilePackages(names: readonly string[]) {
  const workspace = mkdtempSync(join(tmpdir(), "giftmesh-edge-"));
  try {
    cpSync(join(repository, "proto"), join(workspace, "proto"), { recursive: true });
    for (const name of names) {
      mkdirSync(join(workspace, "files", name), { recursive: true });
      writeFileSync(join(workspace, "files", name, "things.proto"), protoOf(name));
    }
    return compileProto("files", workspace);
  } finally {
    rmSync(workspace, { recursive: true });
  }
}

function protoOf(name: string): string {
  return `syntax = "proto3"; package test.${name}.v1;
    import "giftmesh/common/v1/access.proto";
    import "google/api/annotations.proto";
    // A thing.
    message Thing { Only${name} only = 1; ${name === "alpha" ? "Error error = 2;" : ""} }
    // Only here.
    message Only${name} {}
    // What went wrong.
    message Error {}
    // Whose.
    message Get${name}Request {}
    service Service${name} {
      // Gets it.
      rpc Get${name}(Get${name}Request) returns (Thing) {
        option (google.api.http) = {get: "/${name}"};
        option (giftmesh.common.v1.access) = {anyone: true};
      }
    }`;
}
