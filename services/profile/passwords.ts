import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import type { PasswordCost } from "../platform/config.ts";
import { Unavailable } from "../platform/refusal.ts";

const argon2id = promisify(argon2).bind(undefined, "argon2id");

const saltBytes = 16;
const tagBytes = 32;

/** More at once than there are processors gain nothing, and each takes its memory and a thread of libuv's four. */
const mostAtOnce = Math.min(3, availableParallelism());

/** A few seconds' worth. */
const mostWaiting = 128;

const phcForm = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/**
 * Hashes passwords with Argon2id (RFC 9106), as PHC strings. A few at a time, and no more than 128 waiting: beyond
 * that Unavailable is thrown.
 */
export class Passwords {
  private readonly cost: PasswordCost;
  /** Like any other, but of no password: what a password is held against where there is no such user. */
  private readonly nobodysHash: string;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(cost: PasswordCost) {
    this.cost = cost;
    this.nobodysHash = formatPhc(cost, randomBytes(saltBytes), randomBytes(tagBytes));
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(saltBytes);
    const tag = await this.inTurn(() =>
      argon2id({ message: bytesOf(password), nonce: salt, tagLength: tagBytes, ...this.cost }),
    );
    return formatPhc(this.cost, salt, tag);
  }

  /** Whether a password is the hash's. Without a hash it is not, and finding out takes just as long. */
  async verify(password: string, hash = this.nobodysHash): Promise<boolean> {
    const [, memory, passes, parallelism, salt = "", tag = ""] = phcForm.exec(hash) ?? [];
    const expected = Buffer.from(tag, "base64");
    const actual = await this.inTurn(() =>
      argon2id({
        message: bytesOf(password),
        nonce: Buffer.from(salt, "base64"),
        tagLength: expected.length,
        memory: Number(memory),
        passes: Number(passes),
        parallelism: Number(parallelism),
      }),
    );
    return timingSafeEqual(actual, expected);
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < mostAtOnce) this.running++;
    else if (this.waiting.length < mostWaiting) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else throw new Unavailable();
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}

/** The same characters are the same password, however the keyboard put them together (NIST SP 800-63B, 3.1.1.2). */
function bytesOf(password: string): Buffer {
  return Buffer.from(password.normalize("NFKC"));
}

function formatPhc({ memory, passes, parallelism }: PasswordCost, salt: Buffer, tag: Buffer): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
