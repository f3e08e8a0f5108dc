import type { FastifyError, FastifyReply } from "fastify";
import type { Logger } from "pino";
import { KeyReused } from "../making.ts";

/** Says what is wrong with a request: 422 where a field is. */
export function sendFailure(reply: FastifyReply, error: FastifyError, log: Logger): FastifyReply {
  if (error instanceof KeyReused) return reply.code(422).send({ message: error.message });
  if (error.validation) {
    return reply.code(422).send({ message: "Validation error", errors: errorsOf(error.validation) });
  }
  const { statusCode = 500 } = error;
  if (statusCode < 500) return reply.code(statusCode).send({ message: error.message });
  log.error({ err: error }, "a request of the voucher provider's stand-in failed");
  return reply.code(500).send({ message: "Internal error" });
}

/** By field, what is wrong with it; by `body` what is wrong with all of it. */
function errorsOf(violations: NonNullable<FastifyError["validation"]>): Record<string, string[]> {
  const errors: Record<string, string[]> = {};
  for (const { instancePath, message = "is invalid", params } of violations) {
    const missing = params.missingProperty ?? params.additionalProperty;
    const field = instancePath.slice(1) || (typeof missing === "string" ? missing : "body");
    const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(", ")}` : "";
    errors[field] = [...(errors[field] ?? []), `${message}${allowed}`];
  }
  return errors;
}
