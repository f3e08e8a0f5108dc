import { Refusal } from "../platform/refusal.ts";

/** Thrown when there is no such path, or not with this verb. */
export class RouteNotFound extends Refusal {
  constructor() {
    super("not_found", { reason: "ROUTE_NOT_FOUND", message: "Route not found" });
  }
}

/** Thrown when a body is not JSON, or not a JSON object. */
export class MalformedJson extends Refusal {
  constructor(message: string) {
    super("rule", { reason: "MALFORMED_JSON", message });
  }
}

/** Thrown when a multipart body cannot be read, ends early or has more than 20 parts. */
export class MalformedMultipart extends Refusal {
  constructor() {
    super("rule", { reason: "MALFORMED_MULTIPART", message: "The body is not valid multipart/form-data" });
  }
}

/** Thrown when a request breaks HTTP itself: a length that is not the body's, a body that never ends. */
export class MalformedRequest extends Refusal {
  constructor() {
    super("rule", { reason: "MALFORMED_REQUEST", message: "The request is not valid HTTP" });
  }
}

/** Told to a client that takes too long to send a request. */
export class RequestTimedOut extends Refusal {
  constructor() {
    super("rule", { reason: "REQUEST_TIMEOUT", message: "The request took too long to arrive" });
  }
}

/** Told when a request's line and headers are longer than 16 KB together. */
export class HeadersTooLarge extends Refusal {
  constructor() {
    super("rule", { reason: "HEADERS_TOO_LARGE", message: "The URL and the headers are too large" });
  }
}

/** Told when a request's `Expect` header is other than `100-continue`. */
export class ExpectationFailed extends Refusal {
  constructor() {
    super("rule", { reason: "EXPECTATION_FAILED", message: "Only 100-continue can be expected" });
  }
}

/** Thrown when a body is longer than its route takes. */
export class BodyTooLarge extends Refusal {
  constructor() {
    super("rule", { reason: "BODY_TOO_LARGE", message: "The body is too large" });
  }
}

/** Thrown when a body is of a media type that its route does not take. */
export class UnsupportedMediaType extends Refusal {
  constructor(taken: string) {
    super("rule", { reason: "UNSUPPORTED_MEDIA_TYPE", message: `The body must be ${taken}` });
  }
}

/** Thrown when a call comes by an HTTP method that calls do not come by. */
export class MethodNotAllowed extends Refusal {
  constructor(allowed: readonly string[]) {
    super("rule", { reason: "METHOD_NOT_ALLOWED", message: `The method must be ${allowed.join(" or ")}` });
  }
}

/** Thrown when a caller has had all the requests of this minute. */
export class RateLimited extends Refusal {
  constructor(retryAfterSeconds: number) {
    super("too_many", { reason: "RATE_LIMITED", message: "Too many requests", retryAfterSeconds });
  }
}
