import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { RecentlyUsed } from "../recently-used.ts";
import { Unavailable } from "../refusal.ts";
import type { CodeKey, CodeKeyList } from "./code-key-list.ts";
import type { KeptCode, SealedCode } from "./kept-code.ts";

/** Whose codes keys are for: those of one open none of the other. */
export type CodeOwner = "gift-card" | "voucher";

/** Thrown when the key of a code is not among those that are set: of replicas that are being restarted, another has it. */
export class CodeKeyMissing extends Unavailable {
  /** For the log. */
  readonly keyId: string;

  constructor(keyId: string) {
    super();
    this.keyId = keyId;
  }
}

interface DerivedKeys {
  readonly id: string;
  readonly searching: Buffer;
  readonly sealing: Buffer;
}

const nonceLength = 12;
const tagLength = 16;

/** Codes that were opened last are looked at again, and to set up a cipher takes far longer than to remember what it gave. */
const remembered = { most: 20_000, mostBytes: 128 };

/**
 * Keeps codes so that no database holds one: an HMAC to find what it is the code of, and a ciphertext to show the code from.
 * Both are made with keys derived from one secret, and name it. The ciphertext is bound to what it is the code of
 * (`card-17`): put into another's row, it does not open.
 */
export class CodeKeys {
  private readonly writing: DerivedKeys;
  private readonly all: ReadonlyMap<string, DerivedKeys>;
  /** By what they are the codes of, and all that is kept of them. */
  private readonly opened = new RecentlyUsed<string, string>(remembered.most);

  constructor(owner: CodeOwner, keys: CodeKeyList) {
    this.writing = derive(owner, keys[0]);
    this.all = new Map(keys.map((key) => [key.id, derive(owner, key)]));
  }

  /** The key that codes are kept under from now on. */
  get writingKeyId(): string {
    return this.writing.id;
  }

  /** A code as it is to be kept: the one of what `about` names. */
  seal(about: string, code: string): KeptCode {
    const { id, searching, sealing } = this.writing;
    const nonce = randomBytes(nonceLength);
    const cipher = createCipheriv("aes-256-gcm", sealing, nonce, { authTagLength: tagLength });
    cipher.setAAD(Buffer.from(about));
    const sealed = Buffer.concat([nonce, cipher.update(code, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return { searchKey: hmac(searching, code), searchKeyId: id, sealed, sealKeyId: id };
  }

  /** The code of what `about` names. Throws CodeKeyMissing. */
  open(about: string, { sealed, sealKeyId }: SealedCode): string {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const name = `${about} ${sealKeyId} ${bytes.toString("latin1")}`;
    const known = this.opened.get(name);
    if (known !== undefined) return known;
    const key = this.all.get(sealKeyId);
    if (!key) throw new CodeKeyMissing(sealKeyId);
    const code = decrypt(key.sealing, about, bytes);
    if (bytes.length <= remembered.mostBytes) this.opened.set(name, code);
    return code;
  }

  /** Everything that a code may be kept under: one for each key. */
  searchKeys(code: string): Uint8Array[] {
    return Array.from(this.all.values(), ({ searching }) => hmac(searching, code));
  }
}

/** Tells whether two secrets of the same name are the same; nothing of a secret can be told from it. */
export function fingerprintOf(owner: CodeOwner, { secret }: CodeKey): string {
  return deriveFrom(secret, owner, "fingerprint").subarray(0, 8).toString("hex");
}

function decrypt(key: Buffer, about: string, sealed: Buffer): string {
  const nonce = sealed.subarray(0, nonceLength);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(-tagLength));
  return Buffer.concat([decipher.update(sealed.subarray(nonceLength, -tagLength)), decipher.final()]).toString("utf8");
}

function derive(owner: CodeOwner, { id, secret }: CodeKey): DerivedKeys {
  return { id, searching: deriveFrom(secret, owner, "search"), sealing: deriveFrom(secret, owner, "seal") };
}

/** HKDF (RFC 5869). */
function deriveFrom(secret: Uint8Array, owner: CodeOwner, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "giftmesh", `${owner} ${purpose}`, 32));
}

function hmac(key: Buffer, code: string): Buffer {
  return createHmac("sha256", key).update(code).digest();
}
