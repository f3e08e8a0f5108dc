import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { User } from "./domain/user.ts";
import type { SigningKey } from "./signing-key.ts";

/** Signs a token (RFC 7519) that says who the bearer is, in which session, for so many seconds. No two are the same. */
export function signAccessToken(
  user: User,
  sessionId: bigint,
  key: SigningKey,
  lifetimeSeconds: number,
): Promise<string> {
  const { id, role, username, vendorId } = user;
  const issuedAt = Math.floor(Date.now() / 1_000);
  return new SignJWT({
    sid: String(sessionId),
    role,
    username,
    ...(vendorId === undefined ? {} : { vendor_id: String(vendorId) }),
  })
    .setProtectedHeader({ alg: "EdDSA", kid: key.id, typ: "JWT" })
    .setIssuer("giftmesh")
    .setSubject(String(id))
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds)
    .sign(key.privateKey);
}
