import rateLimit, { normalizeIP } from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Caller, Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import type { Config } from "../platform/config.ts";
import { InvalidFields, Unauthenticated } from "../platform/refusal.ts";
import { authorizeRole, isAdmin, isSignedIn } from "../platform/rpc/access.ts";
import { nobody } from "../platform/rpc/call.ts";
import type { TokenVerifier } from "../platform/token-verifier.ts";
import { RateLimited } from "./refusals.ts";
import type { PublicMethod } from "./routes.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who is calling, once the request is admitted. */
    caller: Caller;
    /** The `Idempotency-Key` of a request that is to have an effect, once it is admitted. */
    idempotencyKey: string | undefined;
  }
}

/** Lets a request in, or throws why not: Unauthenticated, Forbidden, RateLimited, or InvalidFields for its key. */
export type Admit = (request: FastifyRequest, method: PublicMethod) => Promise<void>;

const rateWindowMs = 60_000;
/** Callers whose requests are counted at once; the one that called longest ago is forgotten for a new one. */
const countedCallers = 100_000;

const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;
const printableAscii = /^[\x20-\x7e]{1,255}$/;

/**
 * Makes the gate that every request for an RPC goes through before its body is read: who calls, whether they called
 * too often, whether their role may, and under which idempotency key.
 */
export async function createAdmission(
  app: FastifyInstance,
  tokens: TokenVerifier,
  perMinute: Config["ratePerMinute"],
): Promise<Admit> {
  app.decorateRequest("caller");
  app.decorateRequest("idempotencyKey");
  await app.register(rateLimit, {
    global: false,
    cache: countedCallers,
    timeWindow: rateWindowMs,
    keyGenerator: ({ caller }) => (isSignedIn(caller) ? `user ${caller.userId}` : normalizeIP(caller.address)),
    max: ({ caller }) => limitOf(caller, perMinute),
  });
  const countRequest = app.createRateLimit();

  return async (request, { access, bindings }) => {
    // A connection that is closed already has no address any more.
    const address = request.ip || "";
    request.caller = { ...nobody, address };
    const identified = await identify(request.headers.authorization, tokens);
    if (!(identified instanceof Unauthenticated)) request.caller = { ...identified, address };

    // A request that is refused counts like any other: who guesses at tokens is an anonymous caller.
    const rate = await countRequest(request);
    if (!rate.isAllowed && rate.isExceeded) throw new RateLimited(rate.ttlInSeconds);
    if (identified instanceof Unauthenticated) throw identified;
    authorizeRole(access, request.caller);

    const isRead = request.method === "GET" || request.method === "HEAD" || bindings[0].verb === "GET";
    const key = request.headers["idempotency-key"];
    if (key !== undefined && !isRead) request.idempotencyKey = checkedKey(key);
  };
}

/** Who a token says is calling, or that it is a bad one. */
async function identify(authorization: string | undefined, tokens: TokenVerifier): Promise<Caller | Unauthenticated> {
  if (authorization === undefined) return nobody;
  try {
    return await tokens.verify(tokenIn(authorization));
  } catch (error) {
    if (error instanceof Unauthenticated) return error;
    throw error;
  }
}

function tokenIn(authorization: string): string {
  const token = bearer.exec(authorization)?.[1];
  if (!token) throw new Unauthenticated();
  return token;
}

function limitOf(caller: Caller, perMinute: Config["ratePerMinute"]): number {
  if (!isSignedIn(caller)) return perMinute.anonymous;
  if (isAdmin(caller)) return perMinute.admin;
  return caller.role === Role.VENDOR ? perMinute.vendor : perMinute.user;
}

function checkedKey(key: string | string[]): string {
  if (typeof key === "string" && printableAscii.test(key)) return key;
  const description = "The idempotency key must be 1 to 255 printable ASCII characters.";
  throw new InvalidFields([{ field: "Idempotency-Key", description }]);
}
