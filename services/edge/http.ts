import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { cors as connectCors } from "@connectrpc/connect";
import cors from "@fastify/cors";
import fastify, { type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Config } from "../platform/config.ts";
import { defaultLimit } from "./body-limits.ts";
import { httpFailureOf, sendFailure } from "./errors.ts";
import { RouteNotFound } from "./refusals.ts";
import { logRequests } from "./request-log.ts";

/** How long a client may take to send a request, in milliseconds. */
const requestTimeoutMs = 120_000;

/** What browsers are told of every answer that is data: nothing in it is to be run, framed or kept. */
const dataHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none';frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Makes the HTTP server, still without routes: what holds for every request, whatever it asks for. */
export async function createHttp(
  { trustedProxies, corsOrigins }: Pick<Config, "trustedProxies" | "corsOrigins">,
  log: Logger,
): Promise<FastifyInstance> {
  const app = fastify({
    // Of the addresses that X-Forwarded-For names, those that these proxies themselves have added are believed.
    trustProxy: trustedProxies > 0 && ((_address, hop) => hop < trustedProxies),
    genReqId: requestIdOf,
    requestTimeout: requestTimeoutMs,
    bodyLimit: defaultLimit,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (error, request, reply) => {
      reply.header("x-request-id", request.id);
      sendFailure(reply, httpFailureOf(error, request.id, log));
    },
  });
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id).headers(dataHeaders);
    done();
  });
  logRequests(app, log);
  app.setErrorHandler((error, request, reply) => sendFailure(reply, httpFailureOf(error, request.id, log)));
  app.setNotFoundHandler((_request, reply) => sendFailure(reply, new RouteNotFound()));
  app.removeAllContentTypeParsers();
  await app.register(cors, {
    origin: corsOrigins.includes("*") ? "*" : [...corsOrigins],
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: [...connectCors.exposedHeaders, "Retry-After", "X-Request-Id"],
    maxAge: 86_400,
    strictPreflight: false,
  });
  return app;
}

function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : randomUUID();
}
