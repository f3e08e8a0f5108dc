import type { DescMethodServerStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { headersOf } from "./answer.ts";
import { bodyLimit } from "./body-limits.ts";
import { streamCall, unaryCall } from "./calls.ts";
import { connectErrorOf, explainConnectErrors, sendConnectFailure, unreadRefusal } from "./connect-errors.ts";
import { httpFailureOf } from "./errors.ts";
import { MalformedRequest, MethodNotAllowed, UnsupportedMediaType } from "./refusals.ts";
import type { RouteContext } from "./route-context.ts";
import type { PublicMethod } from "./routes.ts";

/** What the library hands through from a route to its handlers. */
interface Passage {
  readonly request: FastifyRequest;
  /** Whether the library could read the message; what fails after is no fault of the client's. */
  isRead: boolean;
}

const passageKey = createContextKey<Passage | undefined>(undefined);

/**
 * Serves every RPC by Connect and gRPC-Web, unary and streaming, under `/package.Service/Method`: all calls but those
 * that `serveConnectJson` takes.
 */
export function serveConnect(app: FastifyInstance, methods: readonly PublicMethod[], context: RouteContext): void {
  app.register(async (scope) => {
    // The library reads bodies by itself.
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.setErrorHandler((error, request, reply) =>
      sendConnectFailure(reply, httpFailureOf(error, request.id, context.log)),
    );
    for (const one of methods) {
      for (const handler of handlersOf(one, context)) {
        scope.all(handler.requestPath, (request, reply) => answer(handler, request, reply, context));
      }
    }
  });
}

function handlersOf(one: PublicMethod, context: RouteContext): readonly UniversalHandler[] {
  const { method } = one;
  const router = createConnectRouter({
    // gRPC itself needs HTTP/2, which the services speak and the edge does not.
    grpc: false,
    acceptCompression: [compressionGzip, compressionBrotli],
    readMaxBytes: bodyLimit(method.input),
    shutdownSignal: context.stopping,
    requestGate: async (handler) => {
      const passage = passageOf(handler);
      const { request } = passage;
      explainConnectErrors(handler.signal, request.id, (error) =>
        passage.isRead ? httpFailureOf(error, request.id, context.log) : unreadRefusal(error, method.input.typeName),
      );
      try {
        await context.admit(request, one);
      } catch (error) {
        rethrow(error, request, context);
      }
    },
  });
  if (method.methodKind === "unary") router.rpc(method as DescMethodUnary, callUnary);
  else router.rpc(method as DescMethodServerStreaming, callStream);
  return router.handlers;

  async function callUnary(message: Message, handler: HandlerContext): Promise<Message> {
    const request = readRequestOf(handler);
    const call = unaryCall(method, request, handler.signal, handler.timeoutMs());
    return context.invoker.unary(method, message, call).catch((error) => rethrow(error, request, context));
  }

  async function* callStream(message: Message, handler: HandlerContext): AsyncGenerator<Message> {
    const request = readRequestOf(handler);
    const call = streamCall(request, handler.signal, handler.timeoutMs());
    try {
      yield* context.invoker.stream(method, message, call);
    } catch (error) {
      rethrow(error, request, context);
    }
  }
}

async function answer(
  handler: UniversalHandler,
  request: FastifyRequest,
  reply: FastifyReply,
  { headers, log }: RouteContext,
): Promise<FastifyReply> {
  const response = await handler(universalRequestOf(request, reply));
  // What is no call at all, the library answers with nothing but a status.
  if (response.status === 405) {
    reply.header("allow", handler.allowedMethods.join(", "));
    return sendConnectFailure(reply, new MethodNotAllowed(handler.allowedMethods), 405);
  }
  if (response.status === 415)
    return sendConnectFailure(reply, new UnsupportedMediaType("a Connect or gRPC-Web call"), 415);

  const { raw } = reply.hijack();
  raw.setHeaders(new Map(Object.entries(headersOf(reply, headers, {}))));
  try {
    await universalResponseToNodeResponse(response, raw);
  } catch (error) {
    const isGone = ConnectError.from(error).code === Code.Aborted;
    if (!isGone) log.error({ requestId: request.id, err: error }, "An answer could not be sent");
  }
  return reply;
}

/** Throws MalformedRequest where the request's host and path make no URL, which the library needs. */
function universalRequestOf(request: FastifyRequest, reply: FastifyReply): UniversalServerRequest {
  try {
    const values = createContextValues().set(passageKey, { request, isRead: false });
    return universalRequestFromNodeRequest(request.raw, reply.raw, undefined, values);
  } catch {
    throw new MalformedRequest();
  }
}

function readRequestOf(handler: HandlerContext): FastifyRequest {
  const passage = passageOf(handler);
  passage.isRead = true;
  return passage.request;
}

function passageOf(handler: HandlerContext): Passage {
  const passage = handler.values.get(passageKey);
  if (!passage) throw new Error("A Connect call has come without its request");
  return passage;
}

function rethrow(error: unknown, request: FastifyRequest, { log }: RouteContext): never {
  throw connectErrorOf(httpFailureOf(error, request.id, log), request.id);
}
