import fastify, { type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Config } from "../platform/config.ts";
import { addCommonHeaders, type CommonHeaders } from "./answer.ts";
import { defaultLimit } from "./body-limits.ts";
import { allowBrowsers } from "./cors.ts";
import { dataHeaders } from "./data-headers.ts";
import { httpFailureOf, sendFailure } from "./errors.ts";
import { createHttpServer } from "./http-server.ts";
import { RouteNotFound } from "./refusals.ts";
import { requestIdOf } from "./request-id.ts";

export interface Http {
  readonly app: FastifyInstance;
  /** Those of every answer; what does not send by Fastify adds them itself. */
  readonly headers: CommonHeaders;
}

/** Makes the HTTP server, still without routes: what holds for every request, whatever it asks for. */
export function createHttp(
  { trustedProxies, corsOrigins }: Pick<Config, "trustedProxies" | "corsOrigins">,
  log: Logger,
): Http {
  const app = fastify({
    serverFactory: (handle) => createHttpServer(handle, log),
    // The server itself has told the client.
    clientErrorHandler: () => {},
    // Of the addresses that X-Forwarded-For names, those that these proxies themselves have added are believed.
    trustProxy: trustedProxies > 0 && ((_address, hop) => hop < trustedProxies),
    genReqId: requestIdOf,
    bodyLimit: defaultLimit,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (error, request, reply) => {
      reply.header("x-request-id", request.id);
      sendFailure(reply, httpFailureOf(error, request.id, log));
    },
  });
  const headers = { always: dataHeaders, forBrowsers: { ...dataHeaders, ...allowBrowsers(app, corsOrigins) } };
  addCommonHeaders(app, headers);
  app.setErrorHandler((error, request, reply) => sendFailure(reply, httpFailureOf(error, request.id, log)));
  app.setNotFoundHandler((_request, reply) => sendFailure(reply, new RouteNotFound()));
  app.removeAllContentTypeParsers();
  return { app, headers };
}
