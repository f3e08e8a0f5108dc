import { create } from "@bufbuild/protobuf";
import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Logger } from "pino";
import { type Caller, CallerSchema, Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { EndedSessions } from "./ended-sessions.ts";
import { KnownKeys } from "./known-keys.ts";
import { RecentlyUsed } from "./recently-used.ts";
import { Unauthenticated, Unavailable } from "./refusal.ts";
import type { Clients } from "./rpc/handler.ts";
import type { TokenVerifier } from "./token-verifier.ts";

const mostRemembered = 10_000;
const longestToken = 4_096;

const roles: ReadonlyMap<unknown, Role> = new Map([
  ["user", Role.USER],
  ["vendor", Role.VENDOR],
  ["admin", Role.ADMIN],
  ["super_admin", Role.SUPER_ADMIN],
]);

const idForm = /^[1-9][0-9]{0,15}$/;

export interface TokensOptions {
  readonly clients: Clients;
  /** The longest that a token is good for, whatever it says; how long it is remembered that its session has ended. */
  readonly tokenLifetimeSeconds: number;
  readonly log: Logger;
}

interface Remembered {
  readonly caller: Caller;
  readonly keyId: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * Checks tokens by itself, with profile's public keys: JWTs (RFC 7519) signed with EdDSA (RFC 8037) and nothing else.
 * A good one is remembered until it expires, since a check costs 100 µs and more. Once profile has been heard, tokens of
 * known keys are checked without it too; sessions that end meanwhile are heard of later.
 */
export class Tokens implements TokenVerifier {
  private readonly keys: KnownKeys;
  private readonly endedSessions: EndedSessions;
  private readonly tokenLifetimeSeconds: number;
  private readonly remembered = new RecentlyUsed<string, Remembered>(mostRemembered);

  constructor({ clients, tokenLifetimeSeconds, log }: TokensOptions) {
    this.keys = new KnownKeys(clients, log);
    this.tokenLifetimeSeconds = tokenLifetimeSeconds;
    this.endedSessions = new EndedSessions(clients, tokenLifetimeSeconds * 1_000, log);
  }

  /** Begins to listen to profile. */
  start(): void {
    this.keys.start();
    this.endedSessions.start();
  }

  stop(): void {
    this.keys.stop();
    this.endedSessions.stop();
  }

  /** Whether tokens can be checked: the keys that they are signed with are known, and the sessions that have ended. */
  get ready(): boolean {
    return this.keys.hasAny && this.endedSessions.hasHeard;
  }

  /** Throws Unauthenticated for a bad token, and Unavailable where nothing can be said without profile, which is away. */
  verify(token: string, beforeLookUp?: () => void): Promise<Caller> | Caller {
    const remembered = this.remembered.get(token);
    if (!remembered) return this.check(token, beforeLookUp);
    if (remembered.expiresAt <= Date.now() || !this.keys.has(remembered.keyId)) {
      this.remembered.delete(token);
      throw new Unauthenticated();
    }
    return this.unlessEnded(remembered.caller);
  }

  private async check(token: string, beforeLookUp?: () => void): Promise<Caller> {
    if (token.length > longestToken) throw new Unauthenticated();
    const { payload, protectedHeader } = await this.verifySignature(token, beforeLookUp);
    const caller = readCaller(payload);
    const { kid: keyId = "" } = protectedHeader;
    const expiresAt = this.endOf(payload);
    if (expiresAt <= Date.now()) throw new Unauthenticated();
    this.remembered.set(token, { caller, keyId, expiresAt });
    return this.unlessEnded(caller);
  }

  private async verifySignature(token: string, beforeLookUp?: () => void) {
    try {
      return await jwtVerify(token, ({ kid }) => this.findKey(kid, beforeLookUp), {
        algorithms: ["EdDSA"],
        typ: "JWT",
        issuer: "giftmesh",
        requiredClaims: ["sub", "sid", "role", "username", "iat", "exp"],
      });
    } catch (error) {
      if (error instanceof errors.JOSEError) throw new Unauthenticated();
      throw error;
    }
  }

  private async findKey(keyId: string | undefined, beforeLookUp?: () => void): Promise<CryptoKey> {
    if (keyId === undefined) throw new Unauthenticated();
    if (!this.keys.has(keyId)) beforeLookUp?.();
    const key = await this.keys.find(keyId);
    if (!key) throw new Unauthenticated();
    return key;
  }

  /**
   * From when a token is no longer good, in milliseconds since 1970: one that outlives what is known of ended sessions
   * would be good again.
   */
  private endOf({ iat, exp }: JWTPayload): number {
    return Math.min(Number(exp), Number(iat) + this.tokenLifetimeSeconds) * 1_000;
  }

  private unlessEnded(caller: Caller): Caller {
    if (!this.endedSessions.hasHeard) throw new Unavailable();
    if (this.endedSessions.has(caller.sessionId)) throw new Unauthenticated();
    return caller;
  }
}

function readCaller({ sub, sid, role, username, vendor_id: vendorId }: JWTPayload): Caller {
  const knownRole = roles.get(role);
  if (knownRole === undefined || typeof username !== "string") throw new Unauthenticated();
  return create(CallerSchema, {
    userId: readId(sub),
    sessionId: readId(sid),
    role: knownRole,
    username,
    vendorId: knownRole === Role.VENDOR ? readId(vendorId) : 0n,
  });
}

function readId(claim: unknown): bigint {
  if (!idForm.test(String(claim))) throw new Unauthenticated();
  return BigInt(String(claim));
}
