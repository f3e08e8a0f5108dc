import type { DescMethodServerStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { type ConnectRouter, createContextKey, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { bodyLimit } from "./body-limits.ts";
import { streamCall, unaryCall } from "./calls.ts";
import { connectErrorOf } from "./connect-errors.ts";
import { httpFailureOf } from "./errors.ts";
import type { RouteContext } from "./route-context.ts";
import type { PublicMethod } from "./routes.ts";

const requestKey = createContextKey<FastifyRequest | undefined>(undefined);

/**
 * Serves every RPC by Connect and gRPC-Web, unary and streaming, under `/package.Service/Method`: all calls but those
 * that `serveConnectJson` takes.
 */
export function serveConnect(app: FastifyInstance, methods: readonly PublicMethod[], context: RouteContext): void {
  const byMethod = new Map(methods.map((one) => [one.method, one]));
  app.register(fastifyConnectPlugin, {
    // gRPC itself needs HTTP/2, which the services speak and the edge does not.
    grpc: false,
    routes: (router: ConnectRouter) => {
      for (const one of methods) addRpc(router, one, context);
    },
    contextValues: (request) => createContextValues().set(requestKey, request),
    requestGate: async (handler) => {
      const request = requestOf(handler);
      const one = byMethod.get(handler.method);
      if (one) await context.admit(request, one).catch((error) => rethrow(error, request, context));
    },
    shutdownSignal: context.stopping,
  });
}

function addRpc(router: ConnectRouter, { method }: PublicMethod, context: RouteContext): void {
  const options = { readMaxBytes: bodyLimit(method.input), grpc: false };
  if (method.methodKind === "unary") router.rpc(method as DescMethodUnary, callUnary, options);
  else router.rpc(method as DescMethodServerStreaming, callStream, options);

  async function callUnary(message: Message, handler: HandlerContext): Promise<Message> {
    const request = requestOf(handler);
    const call = unaryCall(request, handler.signal, handler.timeoutMs());
    return context.invoker.unary(method, message, call).catch((error) => rethrow(error, request, context));
  }

  async function* callStream(message: Message, handler: HandlerContext): AsyncGenerator<Message> {
    const request = requestOf(handler);
    const call = streamCall(request, handler.signal, handler.timeoutMs());
    try {
      yield* context.invoker.stream(method, message, call);
    } catch (error) {
      rethrow(error, request, context);
    }
  }
}

function requestOf(handler: HandlerContext): FastifyRequest {
  const request = handler.values.get(requestKey);
  if (!request) throw new Error("A Connect call has come without its request");
  return request;
}

function rethrow(error: unknown, request: FastifyRequest, { log }: RouteContext): never {
  throw connectErrorOf(httpFailureOf(error, request.id, log), request.id);
}
