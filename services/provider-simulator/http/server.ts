import type { Server } from "node:http";
import fastify, { type FastifyError } from "fastify";
import type { Logger } from "pino";
import { type ControlsParts, takeControls } from "./controls.ts";
import { sendFailure } from "./failures.ts";
import { type RequestsParts, takeRequests } from "./requests.ts";

/** The largest body, in bytes. */
const mostBytes = 16 * 1024;

/** How long a client may take to send a request, in milliseconds. */
const requestTimeoutMs = 30_000;

const routes = "POST /api/request/voucher, GET and PUT /simulator, and GET /vouchers";

/** The HTTP of the stand-in, to be listened with. */
export async function createServer(parts: RequestsParts & ControlsParts & { readonly log: Logger }): Promise<Server> {
  const app = fastify({
    bodyLimit: mostBytes,
    requestTimeout: requestTimeoutMs,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true } },
  });
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler((error: FastifyError, _, reply) => sendFailure(reply, error, parts.log));
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ message: `There are ${routes}` }));
  takeRequests(app, parts);
  await app.register(async (controls) => takeControls(controls, parts));
  await app.ready();
  return app.server;
}
