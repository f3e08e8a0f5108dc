import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { Unavailable } from "../platform/refusal.ts";
import type { SealedCode } from "./domain/card.ts";
import { canonicalCode, lastFourOf, newCode } from "./domain/code.ts";

/** A secret that codes are kept under, and its name in the rows. */
export interface CodeKey {
  /** 1 to 16 characters. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** At least one key: the first is what new codes are kept under. */
export type CodeKeyList = readonly [CodeKey, ...CodeKey[]];

interface DerivedKeys {
  readonly id: string;
  readonly searching: Buffer;
  readonly sealing: Buffer;
}

const nonceLength = 12;
const tagLength = 16;

/**
 * Keeps codes so that no database holds one: an HMAC to find a card by, and a ciphertext to show the code from. Both are
 * made with keys derived from one secret, and name it. The ciphertext is bound to its card: put into another's row, it
 * does not open.
 */
export class CodeKeys {
  private readonly writing: DerivedKeys;
  private readonly all: ReadonlyMap<string, DerivedKeys>;

  constructor(keys: CodeKeyList) {
    this.writing = derive(keys[0]);
    this.all = new Map(keys.map((key) => [key.id, derive(key)]));
  }

  /** The key that codes are kept under from now on. */
  get writingKeyId(): string {
    return this.writing.id;
  }

  newCode(): string {
    return newCode();
  }

  /** A card's code as it is to be kept. */
  seal(cardId: bigint, code: string): SealedCode {
    const { id, searching, sealing } = this.writing;
    const nonce = randomBytes(nonceLength);
    const cipher = createCipheriv("aes-256-gcm", sealing, nonce, { authTagLength: tagLength });
    cipher.setAAD(aboutCard(cardId));
    const sealed = Buffer.concat([nonce, cipher.update(code, "latin1"), cipher.final(), cipher.getAuthTag()]);
    return { searchKey: hmac(searching, code), searchKeyId: id, sealed, sealKeyId: id, last4: lastFourOf(code) };
  }

  /** A card's code. Throws Unavailable where only another replica has the key. */
  open(cardId: bigint, { sealed, sealKeyId }: Pick<SealedCode, "sealed" | "sealKeyId">): string {
    const key = this.all.get(sealKeyId);
    if (!key) throw new Unavailable();
    const nonce = sealed.subarray(0, nonceLength);
    const decipher = createDecipheriv("aes-256-gcm", key.sealing, nonce, { authTagLength: tagLength });
    decipher.setAAD(aboutCard(cardId));
    decipher.setAuthTag(sealed.subarray(-tagLength));
    const text = sealed.subarray(nonceLength, -tagLength);
    return Buffer.concat([decipher.update(text), decipher.final()]).toString("latin1");
  }

  /** Everything that a code which somebody has typed may be kept under: one for each key. */
  searchKeys(typed: string): Uint8Array[] {
    const code = canonicalCode(typed);
    return Array.from(this.all.values(), ({ searching }) => hmac(searching, code));
  }
}

/** Tells whether two secrets of the same name are the same; nothing of a secret can be told from it. */
export function fingerprintOf({ secret }: CodeKey): string {
  return deriveFrom(secret, "fingerprint").subarray(0, 8).toString("hex");
}

function derive({ id, secret }: CodeKey): DerivedKeys {
  return { id, searching: deriveFrom(secret, "search"), sealing: deriveFrom(secret, "seal") };
}

/** HKDF (RFC 5869). */
function deriveFrom(secret: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "giftmesh", `gift-card ${purpose}`, 32));
}

function hmac(key: Buffer, code: string): Buffer {
  return createHmac("sha256", key).update(code).digest();
}

function aboutCard(cardId: bigint): Buffer {
  return Buffer.from(`card-${cardId}`);
}
