import type { DescMessage, Message } from "@bufbuild/protobuf";
import multipart from "@fastify/multipart";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from "fastify";
import { waitsForNews } from "../platform/rpc/timeouts.ts";
import { admitting } from "./admission.ts";
import { bodyLimit } from "./body-limits.ts";
import { cancelledSignal, unaryCall } from "./calls.ts";
import { compileRequestReader } from "./decode-request.ts";
import { compileFormReader } from "./form.ts";
import type { RouteContext } from "./route-context.ts";
import type { Binding, PublicMethod } from "./routes.ts";
import { compileEventStream } from "./sse.ts";
import { compileSuccess } from "./success.ts";

type AnswerRequest = (request: Message, reply: FastifyReply) => Promise<void>;

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
  const handle = (request: FastifyRequest, reply: FastifyReply) => answer(read(request), reply);
  app.route({
    method: binding.verb,
    url: binding.path.replace(/\{([^}]+)\}/g, ":$1"),
    // To look for news may count as having been told them, and a HEAD is to have no effect (RFC 9110, 9.2.1).
    exposeHeadRoute: isUnary && !waitsForNews(method),
    bodyLimit: bodyLimit(method.input),
    config: binding.hasBody ? { takes: `application/json${rest.multipart ? " or multipart/form-data" : ""}` } : {},
    onRequest: admitting(context.admit, one),
    handler: rest.multipart ? afterForm(method.input, handle) : handle,
  });
}

/** Has a form be read before what handles it. */
function afterForm(type: DescMessage, handle: RouteHandlerMethod): RouteHandlerMethod {
  const readForm = compileFormReader(type);
  return async function (request, reply) {
    if (request.isMultipart()) request.body = await readForm(request);
    return handle.call(this, request, reply);
  };
}

function compileUnary(one: PublicMethod, binding: Binding, context: RouteContext): AnswerRequest {
  const { method } = one;
  const { invoker, headers, stopping } = context;
  const sendSuccess = compileSuccess(one, binding, headers);
  return (request, reply) => {
    const call = unaryCall(method, reply.request, () => cancelledSignal(method, reply, stopping));
    return invoker.unary(method, request, call).then((response) => sendSuccess(reply, response));
  };
}
