import type { Message } from "@bufbuild/protobuf";
import multipart from "@fastify/multipart";
import type { FastifyInstance, FastifyReply } from "fastify";
import { bodyLimit } from "./body-limits.ts";
import { goneSignal, unaryCall } from "./calls.ts";
import { compileRequestReader } from "./decode-request.ts";
import { compileAnswer } from "./envelope.ts";
import { compileFormReader } from "./form.ts";
import type { RouteContext } from "./route-context.ts";
import type { Binding, PublicMethod } from "./routes.ts";
import { compileEventStream } from "./sse.ts";

type AnswerRequest = (request: Message, reply: FastifyReply) => Promise<string | undefined>;

/** Serves every binding of every RPC as a REST route. */
export async function serveRest(
  app: FastifyInstance,
  methods: readonly PublicMethod[],
  context: RouteContext,
): Promise<void> {
  for (const one of methods) {
    if (!one.rest.multipart) addRoutes(app, one, context);
  }
  // @fastify/multipart hooks into every request of its scope, so it has one of its own.
  await app.register(async (forms) => {
    await forms.register(multipart);
    for (const one of methods) {
      if (one.rest.multipart) addRoutes(forms, one, context);
    }
  });
}

function addRoutes(app: FastifyInstance, one: PublicMethod, context: RouteContext): void {
  for (const binding of one.bindings) addRoute(app, one, binding, context);
}

function addRoute(app: FastifyInstance, one: PublicMethod, binding: Binding, context: RouteContext): void {
  const { method, rest } = one;
  const read = compileRequestReader(one, binding);
  const isUnary = method.methodKind === "unary";
  const answer = isUnary ? compileUnary(one, binding, context) : compileEventStream(one, binding, context);
  const readForm = rest.multipart ? compileFormReader(method.input) : undefined;
  app.route({
    method: binding.verb,
    url: binding.path.replace(/\{([^}]+)\}/g, ":$1"),
    exposeHeadRoute: isUnary,
    bodyLimit: bodyLimit(method.input),
    config: binding.hasBody ? { takes: `application/json${rest.multipart ? " or multipart/form-data" : ""}` } : {},
    onRequest: (request) => context.admit(request, one),
    handler: async (request, reply) => {
      if (readForm && request.isMultipart()) request.body = await readForm(request);
      return answer(read(request), reply);
    },
  });
}

function compileUnary(one: PublicMethod, binding: Binding, { invoker }: RouteContext): AnswerRequest {
  const answer = compileAnswer(one, binding);
  return async (request, reply) => {
    const response = await invoker.unary(
      one.method,
      request,
      unaryCall(reply.request, () => goneSignal(reply)),
    );
    reply.code(answer.status).header("content-type", answer.contentType);
    return answer.write(response);
  };
}
