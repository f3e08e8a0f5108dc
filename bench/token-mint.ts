import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signAccessToken } from "../services/profile/access-token.ts";
import type { User } from "../services/profile/domain/user.ts";
import { formatSigningKey, generateSigningKey, type SigningKey } from "../services/profile/signing-key.ts";

const lifetimeSeconds = 86_400;

/** Whom an admin's tokens name, who need not be anybody. */
export const adminId = 9_000_000n;

/** Makes tokens of as many users as are wanted, without signing each of them up: it has the key that profile signs with. */
export class TokenMint {
  /** What SIGNING_KEYS takes. */
  readonly keysFile: string;
  private readonly key: SigningKey;

  /** Makes a new key; its file goes with the stack. */
  static async open(stack: AsyncDisposableStack): Promise<TokenMint> {
    const directory = mkdtempSync(join(tmpdir(), "giftmesh-bench-"));
    stack.defer(() => rmSync(directory, { recursive: true, force: true }));
    return new TokenMint(directory, await generateSigningKey());
  }

  private constructor(directory: string, key: SigningKey) {
    this.key = key;
    this.keysFile = join(directory, "keys.json");
    writeFileSync(this.keysFile, `{"keys":[${formatSigningKey(key)}]}`, { mode: 0o600 });
  }

  /** What has a mesh take its tokens, from the first to the last that a bench sends. */
  get environment(): Readonly<Record<string, string>> {
    return { SIGNING_KEYS: this.keysFile, TOKEN_LIFETIME_SECONDS: String(lifetimeSeconds) };
  }

  /** Tokens of the users 1, 2, 3 …; each in a session of their own. */
  users(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, (_, index) => this.sign(BigInt(index + 1), "user")));
  }

  admin(): Promise<string> {
    return this.sign(adminId, "super_admin");
  }

  private sign(id: bigint, role: User["role"]): Promise<string> {
    const unknown = { name: undefined, email: undefined, phoneNumber: undefined, vendorId: undefined };
    const user = { ...unknown, id, role, username: `${role}-${id}`, emailVerified: false, phoneVerified: false };
    return signAccessToken(user, id, this.key, lifetimeSeconds);
  }
}
