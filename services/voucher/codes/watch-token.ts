import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const tokenBytes = 24;
const hashLength = 32;

/** A watch token and what is kept of it. */
export interface WatchToken {
  /** 192 random bits, base64url. */
  readonly token: string;
  /** SHA-256: a token cannot be guessed, so nothing slower is needed. */
  readonly hash: Uint8Array;
}

export function newWatchToken(): WatchToken {
  const token = randomBytes(tokenBytes).toString("base64url");
  return { token, hash: hashOf(token) };
}

/** Whether a token is the one of a hash; takes as long where there is none. */
export function isTokenOf(token: string, hash: Uint8Array | undefined): boolean {
  const isEqual = timingSafeEqual(hashOf(token), hash ?? Buffer.alloc(hashLength));
  return isEqual && hash !== undefined;
}

function hashOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
