/**
 * Thrown to a caller when a handler failed in a way that nobody expected. What it was stands in the log of the process
 * where it happened, under the request's id, and nowhere else.
 */
export class InternalError extends Error {
  readonly reason = "INTERNAL";

  constructor() {
    super("Internal server error");
    this.name = "InternalError";
  }
}
