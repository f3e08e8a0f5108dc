/** What is wrong with one field: its path in snake_case with dots (`items.0.quantity`), and a sentence for people. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/**
 * Why a call was refused, coarsely: what gRPC calls a code and HTTP a status.
 *
 * | kind | gRPC | HTTP |
 * |---|---|---|
 * | invalid | INVALID_ARGUMENT | 422 |
 * | unauthenticated | UNAUTHENTICATED | 401 |
 * | forbidden | PERMISSION_DENIED | 403 |
 * | not_found | NOT_FOUND | 404 |
 * | rule | FAILED_PRECONDITION | 400 |
 * | conflict | ABORTED | 409 |
 * | too_many | RESOURCE_EXHAUSTED | 429 |
 * | unavailable | UNAVAILABLE | 503 |
 */
export type RefusalKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "rule"
  | "conflict"
  | "too_many"
  | "unavailable";

export interface RefusalDetails {
  /** UPPER_SNAKE_CASE and stable: the `code` of the HTTP contract. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  /** For `invalid`: those at fault; none where the request cannot be read at all. */
  readonly fields?: readonly FieldViolation[];
  /** For `too_many` and `unavailable`: how long to wait at least. */
  readonly retryAfterSeconds?: number;
  /** The request that was first refused so, where this is the replay of an answer. */
  readonly requestId?: string;
}

/**
 * An expected failure. Every condition is a class of its own that extends this one, in the `domain` of its service;
 * it looks the same to a caller in this process and to one across the network.
 */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly reason: string;
  readonly fields: readonly FieldViolation[];
  readonly retryAfterSeconds: number | undefined;
  readonly requestId: string | undefined;

  constructor(kind: RefusalKind, details: RefusalDetails) {
    super(details.message);
    this.name = new.target.name;
    this.kind = kind;
    this.reason = details.reason;
    this.fields = details.fields ?? [];
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.requestId = details.requestId;
  }
}

/** Whether an error says that the thing was not done, and not only that nobody knows. */
export function isFinalNo(error: unknown): error is Refusal {
  return error instanceof Refusal && error.kind !== "unavailable" && error.kind !== "too_many";
}

/** Thrown when the bytes of a call are no message of the RPC's type. */
export class MalformedMessage extends Refusal {
  constructor(typeName: string) {
    super("invalid", { reason: "MALFORMED_REQUEST", message: `The request is not a ${typeName}` });
  }
}

/** Thrown when a field of the request is invalid, by a rule in the proto or by code that says what no rule can. */
export class InvalidFields extends Refusal {
  constructor(fields: readonly FieldViolation[]) {
    super("invalid", { reason: "VALIDATION_ERROR", message: "Validation error", fields });
  }
}

/** Thrown when a thing needs a signed-in caller and there is none, or the token is bad. */
export class Unauthenticated extends Refusal {
  constructor(message = "Unauthenticated") {
    super("unauthenticated", { reason: "UNAUTHENTICATED", message });
  }
}

/** Thrown when the caller's role may not do this. */
export class Forbidden extends Refusal {
  constructor(message = "This action is not allowed") {
    super("forbidden", { reason: "FORBIDDEN", message });
  }
}

/** Thrown when a thing is not there, or not the caller's to know of. */
export class NotFound extends Refusal {
  constructor(what: string, reason = `${what.toUpperCase().replaceAll(" ", "_")}_NOT_FOUND`) {
    super("not_found", { reason, message: `${what} not found` });
  }
}

/** Thrown when a service or a thing that it needs does not answer now, and the same call may go through later. */
export class Unavailable extends Refusal {
  constructor(message = "Service unavailable, try again", retryAfterSeconds = 1) {
    super("unavailable", { reason: "UNAVAILABLE", message, retryAfterSeconds });
  }
}
