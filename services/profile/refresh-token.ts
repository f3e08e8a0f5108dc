import { createHash, randomBytes } from "node:crypto";

/** Makes a refresh token: 256 random bits, base64url. */
export function generateRefreshToken(): string {
  return randomBytes(32).toString("base64url");
}

/** What is kept of a refresh token. It has too many bits for anything but a plain hash to be needed. */
export function hashRefreshToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
