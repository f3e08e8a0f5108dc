import { type DescField, type DescMethod, getOption, hasOption, type Registry } from "@bufbuild/protobuf";
import { type Rest, rest } from "../../gen/giftmesh/common/v1/rest_pb.ts";
import { http } from "../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../gen/google/api/http_pb.ts";
import { HttpBodySchema } from "../../gen/google/api/httpbody_pb.ts";
import { type Access, accessOf } from "../platform/rpc/access.ts";

/** The HTTP methods that a binding can have. */
export type Verb = "GET" | "PUT" | "POST" | "DELETE" | "PATCH";

/** One way into an RPC by HTTP: a `google.api.http` rule, or one of its additional bindings. */
export interface Binding {
  readonly verb: Verb;
  /** With the variables as the proto has them: `/members/{member_id}/points`. */
  readonly path: string;
  /** The fields of the request that the path has, in its order. */
  readonly pathFields: readonly DescField[];
  /** Whether the fields that the path does not have come from a body; else they come from the query. */
  readonly hasBody: boolean;
  /** The field of the response that is the answer; the whole response where undefined. */
  readonly responseField: DescField | undefined;
}

/** An RPC that clients may call: it has `google.api.http` and an access rule. */
export interface PublicMethod {
  readonly method: DescMethod;
  /** The rule itself and then its additional bindings. */
  readonly bindings: readonly [Binding, ...Binding[]];
  readonly access: Access;
  readonly rest: Rest;
}

/**
 * Finds every public RPC of a registry, in the order of its files. Throws an Error that names the RPC where its options
 * contradict each other or say what the edge cannot do.
 */
export function publicMethods(registry: Registry): PublicMethod[] {
  const found: PublicMethod[] = [];
  for (const type of registry) {
    if (type.kind !== "service") continue;
    for (const method of type.methods) {
      const one = publicMethod(method);
      if (one) found.push(one);
    }
  }
  return found;
}

function publicMethod(method: DescMethod): PublicMethod | undefined {
  const access = accessOf(method);
  if (!hasOption(method, http)) {
    if (access) throw wrong(method, "has an access rule but no google.api.http");
    if (hasOption(method, rest)) throw wrong(method, "has giftmesh.common.v1.rest but no google.api.http");
    return undefined;
  }
  if (!access) throw wrong(method, "has google.api.http but no access rule");
  if (!access.anyone && access.roles.size === 0) throw wrong(method, "has an access rule that lets nobody in");

  const rule = getOption(method, http);
  const found: PublicMethod = {
    method,
    bindings: [binding(method, rule), ...rule.additionalBindings.map((other) => binding(method, other))],
    access,
    rest: getOption(method, rest),
  };
  checkStreaming(found);
  checkRest(found);
  return found;
}

function binding(method: DescMethod, rule: HttpRule): Binding {
  if (!rule.pattern.case) throw wrong(method, "has a binding without a path");
  if (rule.body !== "" && rule.body !== "*") throw wrong(method, `has body "${rule.body}"; only "*" is known`);
  const verb = rule.pattern.case.toUpperCase() as Verb;
  if (rule.body && verb === "GET") throw wrong(method, "has a body on a GET");
  const path = rule.pattern.value;
  return {
    verb,
    path,
    pathFields: pathVariables(method, path).map((name) => pathField(method, name)),
    hasBody: rule.body === "*",
    responseField: rule.responseBody ? fieldNamed(method, rule.responseBody, "output") : undefined,
  };
}

/** The names of a path's variables. Only whole segments may vary. */
function pathVariables(method: DescMethod, path: string): string[] {
  if (!/^(\/([A-Za-z0-9._~-]+|\{[a-z0-9_]+\}))+$/.test(path)) throw wrong(method, `has a path it cannot have: ${path}`);
  return path.match(/(?<=\{)[^}]+/g) ?? [];
}

function pathField(method: DescMethod, name: string): DescField {
  const field = fieldNamed(method, name, "input");
  if (field.fieldKind !== "scalar" && field.fieldKind !== "enum")
    throw wrong(method, `cannot take ${name} from a path`);
  return field;
}

function fieldNamed(method: DescMethod, name: string, where: "input" | "output"): DescField {
  const field = method[where].fields.find((one) => one.name === name);
  if (!field) throw wrong(method, `names the field ${name}, which ${method[where].typeName} does not have`);
  return field;
}

function checkStreaming({ method, bindings, rest }: PublicMethod): void {
  switch (method.methodKind) {
    case "unary":
      return;
    case "server_streaming":
      if (bindings.some(({ verb }) => verb !== "GET")) throw wrong(method, "streams, which needs a GET");
      if (rest.bare || rest.successStatus)
        throw wrong(method, "streams, and has neither envelope nor status to choose");
      return;
    case "client_streaming":
    case "bidi_streaming":
      throw wrong(method, "has a stream of requests, which HTTP/1.1 clients cannot send");
    default:
      throw wrong(method, method.methodKind satisfies never);
  }
}

/** Whether an RPC answers with bytes of any kind, which are the body by HTTP. */
export function answersBytes({ method }: Pick<PublicMethod, "method">): boolean {
  return method.output.typeName === HttpBodySchema.typeName;
}

function checkRest(one: PublicMethod): void {
  const { method, bindings, rest } = one;
  if (![0, 200, 201, 202].includes(rest.successStatus)) throw wrong(method, `has success_status ${rest.successStatus}`);
  if (rest.contentType && !rest.bare) throw wrong(method, "has a content_type but is not bare");
  if (rest.multipart && !bindings.some(({ hasBody }) => hasBody)) throw wrong(method, "is multipart but has no body");
  checkBytes(one);
  checkCaching(one);
}

function checkBytes(one: PublicMethod): void {
  const { method, bindings, rest } = one;
  if (rest.attachment && !/^[A-Za-z0-9._-]+$/.test(rest.attachment))
    throw wrong(method, "has an attachment without a name");
  if (!answersBytes(one)) {
    if (rest.attachment) throw wrong(method, "is an attachment but answers no google.api.HttpBody");
  } else if (!rest.bare || !rest.contentType || bindings.some(({ responseField }) => responseField)) {
    throw wrong(method, "answers a google.api.HttpBody, which must be bare, whole and of a content_type");
  }
}

function checkCaching({ method, bindings, access, rest }: PublicMethod): void {
  if (!rest.cacheControl) return;
  if (!access.anyone) throw wrong(method, "may be cached but not be called by anyone");
  if (method.methodKind !== "unary" || bindings.some(({ verb }) => verb !== "GET")) {
    throw wrong(method, "may be cached but is no plain GET");
  }
}

function wrong(method: DescMethod, what: string): Error {
  return new Error(`${method.parent.typeName}/${method.name} ${what}`);
}
