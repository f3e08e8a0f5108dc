import { RoleSchema } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { subjectOf } from "./decode.ts";
import { enumNames } from "./enum-names.ts";
import { reasonsIn } from "./openapi-comments.ts";
import type { ApiResponse, Header, Json, Schema } from "./openapi-document.ts";
import { rulesOf } from "./openapi-rules.ts";
import type { Binding, PublicMethod } from "./routes.ts";

/** How every failure looks. */
export const failureSchema: Schema = {
  type: "object",
  description: "Why a request was refused.",
  properties: {
    success: { const: false, type: "boolean", description: "Always `false`." },
    message: { type: "string", description: "For people; may change." },
    code: { type: "string", pattern: "^[A-Z][A-Z0-9_]*$", description: "For programs; stable." },
    request_id: { type: "string", description: "Names this request in the logs; also the header `X-Request-Id`." },
    errors: {
      type: "object",
      description: "What is wrong with each field, by its path: `items.0.quantity`. Only where fields are invalid.",
      additionalProperties: { type: "array", items: { type: "string" } },
    },
  },
  required: ["success", "message", "code", "request_id"],
};

/** The headers that failures come with. */
export const failureHeaders: Readonly<Record<string, Header>> = {
  RetryAfter: { description: "Seconds to wait at least.", schema: { type: "integer", minimum: 1, examples: [17] } },
};

/** Roles there are: an RPC that takes them all forbids nobody. */
const allRoles = enumNames(RoleSchema).size;

const descriptions: Readonly<Record<string, string>> = {
  400: "The body is malformed, or a business rule says no.",
  401: "There is no token, or it is not good.",
  403: "The caller may not do this.",
  404: "Not there, or not the caller's to know of.",
  409: "The idempotency key came with another request before, or the caller has done this already.",
  422: "A field is invalid; `errors` says which.",
  429: "Too many requests.",
  500: "Something unexpected; the logs know it by `request_id`.",
  503: "A service does not answer now; the same request may go through later.",
};

const messages: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: "Unauthenticated",
  FORBIDDEN: "This action is not allowed",
  IDEMPOTENCY_KEY_REUSED: "This idempotency key has been used with another request",
  MALFORMED_JSON: "The body is not valid JSON",
  MALFORMED_MULTIPART: "The body is not valid multipart/form-data",
  RATE_LIMITED: "Too many requests",
  INTERNAL: "Internal server error",
  UNAVAILABLE: "Service unavailable, try again",
};

/** The failures that a binding may answer, by status: those that any such route has, and those its comment names. */
export function failuresOf(one: PublicMethod, binding: Binding, comment: string): Record<string, ApiResponse> {
  const reasons = new Map<string, string[]>();
  const add = (status: number, reason: string) => {
    const known = reasons.get(String(status));
    if (!known) reasons.set(String(status), [reason]);
    else if (!known.includes(reason)) known.push(reason);
  };
  for (const { status, reason } of reasonsIn(comment)) add(status, reason);
  if (binding.hasBody) add(400, "MALFORMED_JSON");
  if (binding.hasBody && one.rest.multipart) add(400, "MALFORMED_MULTIPART");
  if (!one.access.anyone) add(401, "UNAUTHENTICATED");
  if (!one.access.anyone && one.access.roles.size < allRoles) add(403, "FORBIDDEN");
  if (binding.pathFields.length > 0 && !reasons.has("404")) add(404, notFoundReason(binding));
  if (isMutating(one, binding)) add(409, "IDEMPOTENCY_KEY_REUSED");
  if (one.method.input.fields.length > 0 || isMutating(one, binding)) add(422, "VALIDATION_ERROR");
  add(429, "RATE_LIMITED");
  add(500, "INTERNAL");
  add(503, "UNAVAILABLE");
  return Object.fromEntries([...reasons].map(([status, found]) => [status, failure(status, found, one, binding)]));
}

/** Whether a call by this binding has an effect, which an idempotency key keeps from happening twice. */
export function isMutating({ bindings }: PublicMethod, { verb }: Binding): boolean {
  return verb !== "GET" && bindings[0].verb !== "GET";
}

function failure(status: string, reasons: readonly string[], one: PublicMethod, binding: Binding): ApiResponse {
  const waits = status === "429" || status === "503";
  return {
    description: descriptions[status] ?? "Refused.",
    ...(waits && { headers: { "Retry-After": { $ref: "#/components/headers/RetryAfter" } } }),
    content: {
      "application/json": {
        schema: { $ref: "#/components/schemas/Error" },
        examples: Object.fromEntries(reasons.map((reason) => [reason, failureExample(reason, one, binding)])),
      },
    },
  };
}

function failureExample(reason: string, one: PublicMethod, binding: Binding): { readonly value: Json } {
  const value: Record<string, Json> = {
    success: false,
    message: messages[reason] ?? sentenceOf(reason),
    code: reason,
    request_id: "0198a2f4-6c1e-4b7a-9d53-2f8e0c7b1a64",
  };
  return { value: reason === "VALIDATION_ERROR" ? { ...value, errors: invalidField(one, binding) } : value };
}

/** Of a field that a client can leave out, if there is one: a path has all of its own. */
function invalidField({ method }: PublicMethod, { pathFields }: Binding): Record<string, string[]> {
  const fields = method.input.fields.filter((field) => !pathFields.includes(field));
  const required = fields.find((field) => rulesOf(field)?.required);
  if (required) return { [required.name]: [`${subjectOf(required)} field is required.`] };
  const [first] = [...fields, ...pathFields];
  if (first) return { [first.name]: [`${subjectOf(first)} is invalid.`] };
  return { "Idempotency-Key": ["The idempotency key must be 1 to 255 printable ASCII characters."] };
}

/** As the services name it: the thing that the last variable of the path is the id of. */
function notFoundReason({ pathFields }: Binding): string {
  const thing = pathFields.at(-1)?.name.replace(/_?id$/, "") || "resource";
  return `${thing.toUpperCase()}_NOT_FOUND`;
}

/** `CHARGE_DECLINED`: "Charge declined". */
function sentenceOf(reason: string): string {
  const words = reason.replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
