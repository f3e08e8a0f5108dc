import { readFileSync } from "node:fs";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { importJWK, type JWTPayload, jwtVerify } from "jose";
import { settings } from "./settings.ts";

const mostRemembered = 10_000;

/** Why a request is refused, as the HTTP contract has it. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * The HTTP side of a baseline: a plain Fastify with the contract's tokens, envelope and refusals. It checks what a token
 * says as the edge does, and remembers good ones as the edge does; it has no rates, no idempotency keys and none of the
 * headers for browsers, which is in its favour.
 */
export async function createFront(): Promise<FastifyInstance> {
  const [{ kty, crv, x }] = JSON.parse(readFileSync(settings.keys, "utf8")).keys;
  const key = await importJWK({ kty, crv, x }, "EdDSA");
  const remembered = new Map<string, JWTPayload>();

  const checked = async (token: string): Promise<JWTPayload> => {
    const { payload } = await jwtVerify(token, key, { algorithms: ["EdDSA"], typ: "JWT", issuer: "giftmesh" });
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(token, payload);
    return payload;
  };

  const app = fastify();
  app.decorateRequest("bearer");
  app.addHook("onRequest", async (request) => {
    const token = request.headers.authorization?.replace("Bearer ", "") ?? "";
    const bearer = remembered.get(token) ?? (await checked(token).catch(() => undefined));
    if (!bearer || Number(bearer.exp) * 1_000 <= Date.now()) {
      throw new Refused(401, "UNAUTHENTICATED", "Unauthenticated");
    }
    request.bearer = bearer;
  });
  app.setErrorHandler((error, request, reply) => {
    const { status, code, message } =
      error instanceof Refused ? error : new Refused(500, "INTERNAL", `Internal error: ${error}`);
    return reply.code(status).send({ success: false, message, code, request_id: request.id });
  });
  return app;
}

/** Listens on a free port, and says on which. */
export async function serveFront(app: FastifyInstance): Promise<void> {
  process.stdout.write(`${await app.listen({ host: "127.0.0.1", port: 0 })}\n`);
}

/** Answers a success in the envelope. */
export function answer(reply: FastifyReply, status: number, message: string, data: object): FastifyReply {
  return reply.code(status).send({ success: true, message, data });
}

/** Who calls. */
export function callerId(request: FastifyRequest): number {
  return Number(request.bearer.sub);
}

/** Refuses whoever does not run the house. */
export function requireAdmin({ bearer }: FastifyRequest): void {
  if (bearer.role !== "admin" && bearer.role !== "super_admin") throw new Refused(403, "FORBIDDEN", "Forbidden");
}

/** An id from a path or a body. */
export function idOf(value: unknown, field: string): number {
  const id = Number(value);
  if (!Number.isSafeInteger(id) || id < 1) throw new Refused(422, "VALIDATION_ERROR", `The ${field} is invalid`);
  return id;
}

/** An instant, in microseconds since 1970, as the contract shows it. */
export function shownTime(micros: number): string {
  return `${new Date(Math.floor(micros / 1_000)).toISOString().slice(0, 20)}${String(micros % 1_000_000).padStart(6, "0")}Z`;
}

/** Microseconds since 1970. */
export function now(): number {
  return Date.now() * 1_000;
}

declare module "fastify" {
  interface FastifyRequest {
    /** What the token of the request says. */
    bearer: JWTPayload;
  }
}
