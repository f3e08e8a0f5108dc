import { randomUUID } from "node:crypto";
import { fromBinary, fromJson, type JsonValue, type Message, toBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { compileAnswer } from "../../edge/envelope.ts";
import { type Binding, type PublicMethod, publicMethods } from "../../edge/routes.ts";
import { readDescriptors } from "../../mesh.ts";
import type { Answer, RequestOptions, RestClient } from "../../testing/rest-client.ts";
import { askConnectStream } from "./connect-stream.ts";

/** The fields of a request, by their names in the proto. */
export type Fields = Readonly<Record<string, unknown>>;

const known = new Map(publicMethods(readDescriptors()).map((one) => [nameOf(one), one]));

/** A public RPC as these tests call it: `OrderService/PlaceOrder`. */
export function nameOf({ method }: PublicMethod): string {
  return `${method.parent.name}/${method.name}`;
}

/** The public RPC of a name. */
function rpcOf(name: string): PublicMethod {
  const found = known.get(name);
  if (!found) throw new Error(`There is no public RPC ${name}`);
  return found;
}

/** A request of one binding with some fields: each goes where the binding has it. */
export function requestOf(
  { verb, path, pathFields, hasBody }: Binding,
  fields: Fields,
): { readonly verb: string; readonly url: string; readonly body: Fields | undefined } {
  const inPath = path.replace(/\{([a-z_]+)\}/g, (_, name: string) => encodeURIComponent(String(fields[name])));
  const others = Object.entries(fields).filter(([name]) => !pathFields.some((field) => field.name === name));
  if (hasBody) return { verb, url: inPath, body: Object.fromEntries(others) };
  const query = new URLSearchParams();
  for (const [name, value] of others) query.append(name, String(value));
  return { verb, url: query.size > 0 ? `${inPath}?${query}` : inPath, body: undefined };
}

/** Asks an RPC by REST, by its first binding. */
export function askRest(
  client: RestClient,
  name: string,
  fields: Fields = {},
  headers: RequestOptions["headers"] = {},
) {
  const { verb, url, body } = requestOf(rpcOf(name).bindings[0], fields);
  return client.request(verb, url, { body, headers });
}

/** Asks an RPC by Connect, in JSON; of a stream, what refused it is the answer. */
export async function askConnect(
  client: RestClient,
  name: string,
  fields: Fields = {},
  headers: RequestOptions["headers"] = {},
): Promise<Answer> {
  const { method } = rpcOf(name);
  if (method.methodKind === "server_streaming") return (await askConnectStream(client, method, fields)).end;
  return client.post(`/${method.parent.typeName}/${method.name}`, fields, headers);
}

/** Asks an RPC by Connect, in the bytes of protobuf, which can say what JSON cannot; what refused it is the answer. */
export async function askConnectInBytes(client: RestClient, name: string, request: Message): Promise<Answer> {
  const { method } = rpcOf(name);
  const response = await fetch(`${client.base}/${method.parent.typeName}/${method.name}`, {
    method: "POST",
    headers: { "content-type": "application/proto", authorization: `Bearer ${client.token}` },
    body: toBinary(method.input, request),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: response.ok ? {} : JSON.parse(text) };
}

/**
 * Asks an RPC every way there is: by each of its REST routes, and by Connect. What may have an effect goes under one
 * idempotency key, and by REST once more: it happens once, and the same is said, to the byte. Answers what REST did.
 */
export async function ask(t: ExecutionContext, client: RestClient, name: string, fields: Fields = {}): Promise<Answer> {
  const one = rpcOf(name);
  const [binding, ...others] = one.bindings;
  const headers = binding.verb === "GET" ? {} : { "idempotency-key": randomUUID() };
  const first = await askRest(client, name, fields, headers);
  if (binding.verb !== "GET") {
    const again = await askRest(client, name, fields, headers);
    if (isOfTheEdge(first)) t.deepEqual(withoutRequestId(again), withoutRequestId(first), `${name} again`);
    else t.is(again.text, first.text, `${name} again`);
  }
  for (const other of others) {
    const { verb, url, body } = requestOf(other, fields);
    const answer = await client.request(verb, url, { body });
    t.deepEqual(withoutRequestId(answer), withoutRequestId(first), `${name} by ${verb}`);
  }
  const connect = await askConnect(client, name, fields, headers);
  if (first.status < 400) t.is(asRest(one, connect), first.text, `${name} by Connect`);
  else t.deepEqual(connectRefusalOf(connect), restRefusalOf(first), `${name} by Connect`);
  return first;
}

/** Who may not ask, and what cannot be read, is refused each time anew: nothing has been asked of a service yet. */
function isOfTheEdge({ status, body }: Answer): boolean {
  return [401, 403, 422].includes(status) || body.code === "MEMBER_NOT_FOUND";
}

/** What a Connect answer would be by REST. */
function asRest(one: PublicMethod, { text }: Answer): string {
  const message = fromJson(one.method.output, JSON.parse(text) as JsonValue);
  return compileAnswer(one, one.bindings[0]).write(message);
}

function withoutRequestId({ status, body: { request_id: _, ...body } }: Answer) {
  return { status, body };
}

/** What is told of a refusal, either way. */
export interface RefusalTold {
  readonly message: unknown;
  readonly reason: unknown;
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

/** What REST tells in an error. */
export function restRefusalOf({ body: { message, code, errors = {} } }: Answer): RefusalTold {
  return { message, reason: code, fields: errors };
}

/** A Connect error tells the reason in a google.rpc.ErrorInfo, and the fields in a google.rpc.BadRequest. */
export function connectRefusalOf({ body }: Answer): RefusalTold {
  const details = (body.details ?? []) as { readonly type: string; readonly value: string }[];
  const bytesOf = (type: string) => Buffer.from(details.find((detail) => detail.type === type)?.value ?? "", "base64");
  const { reason } = fromBinary(ErrorInfoSchema, bytesOf("google.rpc.ErrorInfo"));
  const { fieldViolations } = fromBinary(BadRequestSchema, bytesOf("google.rpc.BadRequest"));
  const byField = Map.groupBy(fieldViolations, ({ field }) => field);
  const fields = Array.from(byField, ([field, all]) => [field, all.map(({ description }) => description)] as const);
  return { message: body.message, reason, fields: Object.fromEntries(fields) };
}
