import { create, type DescMethod, toJsonString } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { InvalidFields } from "../platform/refusal.ts";
import { admitting } from "./admission.ts";
import { sendText } from "./answer.ts";
import { bodyLimit } from "./body-limits.ts";
import { cancelledSignal, unaryCall } from "./calls.ts";
import { sendConnectFailure } from "./connect-errors.ts";
import { compileMessageReader } from "./decode.ts";
import { Reading } from "./decode-value.ts";
import { httpFailureOf } from "./errors.ts";
import { parseJsonObject } from "./json-text.ts";
import type { RouteContext } from "./route-context.ts";
import type { PublicMethod } from "./routes.ts";

/**
 * Unary Connect calls in JSON (https://connectrpc.com/docs/protocol), read as leniently as REST bodies are and as fast.
 * Every other kind of call goes to the library.
 */
export function serveConnectJson(app: FastifyInstance, methods: readonly PublicMethod[], context: RouteContext): void {
  app.addConstraintStrategy(plainJson);
  app.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) =>
      sendConnectFailure(reply, httpFailureOf(error, request.id, context.log)),
    );
    for (const one of methods) {
      if (one.method.methodKind === "unary") addRoute(scope, one, one.method, context);
    }
  });
}

/** Tells bodies that are JSON and not compressed from all others, which have the same path. */
const plainJson = {
  name: "body",
  storage() {
    const handlers = new Map<unknown, never>();
    return {
      get: (value: unknown) => handlers.get(value) ?? null,
      set: (value: unknown, handler: never) => void handlers.set(value, handler),
    };
  },
  deriveConstraint({ headers }: FastifyRequest["raw"]): string | undefined {
    const isJson = /^application\/json *(;|$)/i.test(headers["content-type"] ?? "");
    return isJson && headers["content-encoding"] === undefined ? "json" : undefined;
  },
  validate() {},
};

const success = { status: 200, contentType: "application/json" };

function addRoute(app: FastifyInstance, one: PublicMethod, method: DescMethod, context: RouteContext): void {
  const read = compileMessageReader(method.input);
  app.route({
    method: "POST",
    url: `/${method.parent.typeName}/${method.name}`,
    constraints: { body: "json" },
    bodyLimit: bodyLimit(method.input),
    config: { takes: "application/json" },
    onRequest: admitting(context.admit, one),
    handler: (request, reply) => {
      const timeoutMs = timeoutOf(request);
      const message = create(method.input);
      const reading = new Reading();
      read(parseJsonObject((request.body as string | undefined) ?? ""), message, "", reading);
      if (reading.violations.length > 0) throw new InvalidFields(reading.violations);
      const call = unaryCall(method, request, () => cancelledSignal(method, reply, context.stopping), timeoutMs);
      return context.invoker
        .unary(method, message, call)
        .then((response) => sendText(reply, context.headers, success, toJsonString(method.output, response)));
    },
  });
}

function timeoutOf({ headers }: FastifyRequest): number | undefined {
  const text = headers["connect-timeout-ms"];
  if (text === undefined) return undefined;
  if (typeof text === "string" && /^[0-9]{1,10}$/.test(text)) return Number(text);
  const description = "The Connect-Timeout-Ms must be a whole number of up to ten digits.";
  throw new InvalidFields([{ field: "Connect-Timeout-Ms", description }]);
}
