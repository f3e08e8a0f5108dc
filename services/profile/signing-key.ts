import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, type webcrypto } from "node:crypto";
import { calculateJwkThumbprint } from "jose";

/** A key that tokens are signed with: Ed25519 (RFC 8037). */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  /** The public key, base64url. */
  readonly x: string;
}

/** Makes a new key. Its id is its thumbprint (RFC 7638). */
export async function generateSigningKey(): Promise<SigningKey> {
  return signingKeyOf(generateKeyPairSync("ed25519").privateKey);
}

/** Reads a private JWK; a key without `kid` has its thumbprint for one. Throws an Error that says what is wrong. */
export async function readSigningKey(jwk: unknown): Promise<SigningKey> {
  if (typeof jwk !== "object" || jwk === null) throw new Error("a key is not an object");
  if (!("kty" in jwk && jwk.kty === "OKP" && "crv" in jwk && jwk.crv === "Ed25519")) {
    throw new Error("a key is not of the curve Ed25519");
  }
  if (!("d" in jwk)) throw new Error("a key is not private");
  const key = await signingKeyOf(createPrivateKey({ key: jwk as webcrypto.JsonWebKey, format: "jwk" }));
  if ("x" in jwk && jwk.x !== key.x) throw new Error("a key's x does not belong to its d");
  if (!("kid" in jwk)) return key;
  if (typeof jwk.kid !== "string" || jwk.kid === "") throw new Error("a key's kid is not a name");
  return { ...key, id: jwk.kid };
}

/** A key as a private JWK, in JSON. */
export function formatSigningKey({ id, privateKey }: SigningKey): string {
  return JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid: id });
}

async function signingKeyOf(privateKey: KeyObject): Promise<SigningKey> {
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return { id: await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x }), privateKey, x };
}
