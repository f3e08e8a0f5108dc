import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from "fastify";
import type { Caller } from "../../gen/giftmesh/common/v1/access_pb.ts";
import type { Config } from "../platform/config.ts";
import { InvalidFields, Unauthenticated } from "../platform/refusal.ts";
import { authorizeRole } from "../platform/rpc/access.ts";
import { nobody } from "../platform/rpc/call.ts";
import type { TokenVerifier } from "../platform/token-verifier.ts";
import { cost, RequestRates } from "./request-rates.ts";
import type { PublicMethod } from "./routes.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who is calling, once the request is admitted. */
    caller: Caller;
    /** The `Idempotency-Key` of a request that is to have an effect, once it is admitted. */
    idempotencyKey: string | undefined;
  }
}

/**
 * Lets a request in, or throws why not: Unauthenticated, Forbidden, RateLimited, or InvalidFields for its key. At once
 * where the token is known, or there is none.
 */
export type Admit = (request: FastifyRequest, method: PublicMethod) => Promise<void> | void;

const scheme = "bearer ";
const printableAscii = /^[\x20-\x7e]{1,255}$/;

/**
 * Makes the gate that every request for an RPC goes through before its body is read: who calls, whether they called
 * too often, whether their role may, and under which idempotency key.
 */
export function createAdmission(
  app: FastifyInstance,
  tokens: TokenVerifier,
  perMinute: Config["ratePerMinute"],
): Admit {
  app.decorateRequest("caller");
  app.decorateRequest("idempotencyKey");
  const rates = new RequestRates(perMinute);

  return (request, method) => {
    // A connection that is closed already has no address any more.
    const address = request.ip || "";
    // Who makes us look a key up is first counted as the anonymous caller that they are until it is found.
    let counted: Caller | undefined;
    const beforeLookUp = () => {
      counted = { ...nobody, address };
      rates.count(counted, cost.usual);
    };
    const enter = (identified: Caller | Unauthenticated) => {
      const isKnown = !(identified instanceof Unauthenticated);
      request.caller = { ...(isKnown ? identified : nobody), address };
      if (isKnown && counted) rates.takeBack(counted, cost.usual);
      // A request that is refused counts like any other: who guesses at tokens is an anonymous caller.
      if (isKnown || !counted) rates.count(request.caller, method.rest.light ? cost.light : cost.usual);
      if (!isKnown) throw identified;
      authorizeRole(method.access, request.caller);
      request.idempotencyKey = idempotencyKeyOf(request, method);
    };
    const identified = identify(request.headers.authorization, tokens, beforeLookUp);
    return identified instanceof Promise ? identified.then(enter) : enter(identified);
  };
}

/** The gate as a hook of a route. */
export function admitting(admit: Admit, method: PublicMethod): onRequestHookHandler {
  return (request, _reply, done) => {
    let admitted: Promise<void> | void;
    try {
      admitted = admit(request, method);
    } catch (error) {
      return done(error as Error);
    }
    if (admitted) admitted.then(() => done(), done);
    else done();
  };
}

/** Who a token says is calling, or that it is a bad one. */
function identify(
  authorization: string | undefined,
  tokens: TokenVerifier,
  beforeLookUp: () => void,
): Promise<Caller | Unauthenticated> | Caller | Unauthenticated {
  if (authorization === undefined) return nobody;
  try {
    const identified = tokens.verify(tokenIn(authorization), beforeLookUp);
    return identified instanceof Promise ? identified.catch(unlessUnauthenticated) : identified;
  } catch (error) {
    return unlessUnauthenticated(error);
  }
}

function unlessUnauthenticated(error: unknown): Unauthenticated {
  if (error instanceof Unauthenticated) return error;
  throw error;
}

/** By length, and not by a pattern: a token is long, and who verifies it looks at every character anyway. */
function tokenIn(authorization: string): string {
  if (authorization.slice(0, scheme.length).toLowerCase() !== scheme) throw new Unauthenticated();
  return authorization.slice(scheme.length).trim();
}

/** The key of a request that is to have an effect: a read has no use for one. */
function idempotencyKeyOf({ method: verb, headers }: FastifyRequest, { bindings }: PublicMethod): string | undefined {
  const isRead = verb === "GET" || verb === "HEAD" || bindings[0].verb === "GET";
  const key = headers["idempotency-key"];
  if (key === undefined || isRead) return undefined;
  if (typeof key === "string" && printableAscii.test(key)) return key;
  const description = "The idempotency key must be 1 to 255 printable ASCII characters.";
  throw new InvalidFields([{ field: "Idempotency-Key", description }]);
}
