/**
 * Proof Key for Code Exchange (RFC 7636), the other way round than in OAuth: the voucher provider is the "client", who
 * shows by the verifier that a callback comes from whoever acknowledged the request; we are the "authorization server".
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** The only method that is taken: `plain` proves nothing to whoever reads the acknowledgement. */
export const challengeMethod = "S256";

/** 4.1: 43 to 128 unreserved characters. */
const verifierForm = /^[A-Za-z0-9._~-]{43,128}$/;

/** 4.2: 32 bytes as BASE64URL without padding, of whose last character two bits say nothing and are zero. */
const challengeForm = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export function isVerifier(text: string): boolean {
  return verifierForm.test(text);
}

/** Whether a text can be what S256 makes of a verifier. */
export function isChallenge(text: string): boolean {
  return challengeForm.test(text);
}

/** 4.6: BASE64URL(SHA256(ASCII(code_verifier))). */
export function challengeOf(verifier: string): string {
  return createHash("sha256").update(verifier, "ascii").digest("base64url");
}

/** Whether two are the same; how much of them is, no time tells. */
export function isSame(one: string | Uint8Array, other: string | Uint8Array): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
