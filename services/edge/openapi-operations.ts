import type { DescField, DescMethod } from "@bufbuild/protobuf";
import { RoleSchema } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { PageInfoSchema } from "../../gen/giftmesh/common/v1/paging_pb.ts";
import { enumNames } from "./enum-names.ts";
import { summaryOf } from "./openapi-comments.ts";
import type {
  ApiResponse,
  Header,
  Json,
  MediaType,
  Operation,
  Parameter,
  RequestBody,
  Schema,
} from "./openapi-document.ts";
import { composeExample } from "./openapi-examples.ts";
import { failuresOf, isMutating } from "./openapi-failures.ts";
import type { Schemas } from "./openapi-schemas.ts";
import { answersBytes, type Binding, type PublicMethod } from "./routes.ts";

/** The header that mutating calls may carry, as a component. */
export const idempotencyKey: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  description: "Any text of the client's own. A request that comes again with it gets the first outcome, for 24 hours.",
  schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[ -~]*$" },
};

/** The header that answers have that may be kept, as a component. */
export const entityTag: Header = {
  description: "Names these very bytes; sent back as `If-None-Match`, it asks for others only.",
  schema: { type: "string", examples: ['"xqJ2dGVzdC1wYXlsb2FkLWhhc2"'] },
};

/** `meta` of a list that is one page long. */
const onlyPage: Json = { current_page: 1, per_page: 20, total: 1, last_page: 1, next_cursor: null };

/** Describes one way into an RPC. */
export function operationOf(one: PublicMethod, binding: Binding, schemas: Schemas): Operation {
  const { method, access } = one;
  const comment = schemas.comments.of(method);
  const index = one.bindings.indexOf(binding);
  const parameters = parametersOf(one, binding, schemas);
  return {
    tags: [tagOf(method.parent)],
    operationId: `${method.parent.name}_${method.name}${index === 0 ? "" : index + 1}`,
    summary: summaryOf(comment),
    description: [comment, whoMayCall(one), connectRoute(method)].join("\n\n"),
    security: access.anyone ? [] : [{ bearerAuth: [] }],
    "x-roles": access.anyone ? [] : rolesOf(one),
    ...(parameters.length > 0 && { parameters }),
    ...(binding.hasBody &&
      fieldsBesidePath(one, binding).length > 0 && { requestBody: requestBodyOf(one, binding, schemas) }),
    responses: { ...successOf(one, binding, schemas), ...failuresOf(one, binding, comment) },
  };
}

/** What a service's operations are listed under: `User admin` for `UserAdminService`. */
export function tagOf({ name }: { readonly name: string }): string {
  const words = name.replace(/Service$/, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ");
  return words.charAt(0) + words.slice(1).toLowerCase();
}

function rolesOf({ access }: PublicMethod): string[] {
  const names = enumNames(RoleSchema);
  return [...access.roles].flatMap((role) => names.get(role) ?? []);
}

function whoMayCall(one: PublicMethod): string {
  const { anyone, callerField } = one.access;
  if (anyone) return "**Who:** anyone.";
  const roles = rolesOf(one)
    .map((role) => `\`${role}\``)
    .join(", ");
  if (!callerField) return `**Who:** ${roles}.`;
  return `**Who:** ${roles}. \`${callerField.name}\` is \`me\` or the caller's own id; only admins may name another's.`;
}

function connectRoute(method: DescMethod): string {
  return `**Connect:** \`POST /${method.parent.typeName}/${method.name}\``;
}

function parametersOf(one: PublicMethod, binding: Binding, schemas: Schemas): Operation["parameters"] & object {
  const queryFields = binding.hasBody ? [] : fieldsBesidePath(one, binding);
  return [
    ...binding.pathFields.map((field) => parameterOf(field, "path", schemas)),
    ...queryFields.map((field) => parameterOf(field, "query", schemas)),
    ...(isMutating(one, binding) ? [{ $ref: "#/components/parameters/IdempotencyKey" }] : []),
  ];
}

function parameterOf(field: DescField, place: "path" | "query", schemas: Schemas): Parameter {
  const { description = "", ...schema } = schemas.field(field, "request");
  const isPath = place === "path";
  return {
    name: field.name,
    in: place,
    ...((isPath || schemas.isRequired(field)) && { required: true }),
    description,
    schema,
    // A page to try it on fills this in, which no optional filter wants.
    ...(isPath && { example: composeExample(schema, schemas.components) }),
  };
}

function fieldsBesidePath({ method }: PublicMethod, { pathFields }: Binding): DescField[] {
  return method.input.fields.filter((field) => !pathFields.includes(field));
}

function requestBodyOf(one: PublicMethod, binding: Binding, schemas: Schemas): RequestBody {
  const { method, rest } = one;
  const { pathFields } = binding;
  const json = mediaType(schemas.message(method.input, "request", pathFields), schemas);
  return {
    required: fieldsBesidePath(one, binding).some((field) => schemas.isRequired(field)),
    description: schemas.comments.of(method.input),
    content: {
      "application/json": json,
      ...(rest.multipart && {
        "multipart/form-data": { schema: schemas.message(method.input, "form", pathFields) },
      }),
    },
  };
}

function successOf(one: PublicMethod, binding: Binding, schemas: Schemas): Record<string, ApiResponse> {
  const { method, rest } = one;
  const description = schemas.comments.of(method.output);
  const success = String(rest.successStatus || 200);
  if (answersBytes(one)) {
    const bytes: Schema = { type: "string", format: "binary", description: "The bytes themselves." };
    return withCaching(one, success, { description, content: { [rest.contentType]: { schema: bytes } } });
  }
  const data = dataSchema(method, binding, schemas);
  if (method.methodKind === "server_streaming") {
    return { 200: { description, content: { "text/event-stream": eventStream(data, schemas) } } };
  }
  const type = rest.contentType || "application/json";
  const schema = rest.bare ? data : envelope(one, binding, data, schemas);
  return withCaching(one, success, { description, content: { [type]: mediaType(schema, schemas) } });
}

/** An answer and, where it may be kept, what a client is told that has kept it. */
function withCaching({ rest }: PublicMethod, success: string, answer: ApiResponse): Record<string, ApiResponse> {
  if (!rest.cacheControl) return { [success]: answer };
  const headers = {
    "Cache-Control": { description: "How long it is good for.", schema: { type: "string", const: rest.cacheControl } },
    ETag: { $ref: "#/components/headers/ETag" },
  };
  const description = "The client has it already: its `If-None-Match` names the `ETag` that it has now.";
  return { [success]: { ...answer, headers }, 304: { description, headers } };
}

function dataSchema({ output }: DescMethod, { responseField }: Binding, schemas: Schemas): Schema {
  if (responseField) return schemas.field(responseField, "response");
  if (output.fields.length === 0) return { type: "null", description: "Nothing to say." };
  return { ...schemas.message(output, "response"), description: schemas.comments.of(output) };
}

/** Server-sent events (WHATWG HTML, 9.2), each with one message in JSON. */
function eventStream(data: Schema, schemas: Schemas): MediaType {
  const text = `data: ${JSON.stringify(composeExample(data, schemas.components))}\n\n`;
  const description = "Events, the `data` of each being JSON. A refusal on the way is an event `error`, and the end.";
  return {
    schema: { type: "string", description, contentMediaType: "application/json", contentSchema: data },
    example: text,
  };
}

function envelope({ method, rest }: PublicMethod, { responseField }: Binding, data: Schema, schemas: Schemas): Schema {
  const page = method.output.fields.find(({ message }) => message?.typeName === PageInfoSchema.typeName);
  const isPage = page && responseField?.fieldKind === "list";
  const meta = isPage && { ...schemas.field(page, "response"), examples: [onlyPage] };
  const message = rest.successMessage || "Success";
  return {
    type: "object",
    properties: {
      success: { type: "boolean", const: true, description: "Always `true`." },
      message: { type: "string", description: "For people.", examples: [message] },
      data,
      ...(meta && { meta }),
    },
    required: ["success", "message", "data", ...(meta ? ["meta"] : [])],
  };
}

function mediaType(schema: Schema, schemas: Schemas): MediaType {
  return { schema, example: composeExample(schema, schemas.components) };
}
