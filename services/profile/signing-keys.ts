import { readFileSync } from "node:fs";
import { ConfigError } from "../platform/config.ts";
import { KeysAreGiven } from "./domain/errors.ts";
import { formatSigningKey, generateSigningKey, readSigningKey, type SigningKey } from "./signing-key.ts";
import type { SigningKeyRow, SigningKeyRows } from "./store/signing-key-rows.ts";

type Keys = readonly [SigningKey, ...SigningKey[]];

/** The keys that good tokens are signed with. */
export interface SigningKeys {
  /** All there are now; the first one signs. */
  all(): Promise<Keys>;
  /** Adds a key that signs from now on. Throws KeysAreGiven where they are not ours to add to. */
  rotate(): Promise<SigningKey>;
}

/** The keys of a file, or those of the database where none is named. Throws a ConfigError for a file that is no good. */
export async function openSigningKeys(file: string | undefined, rows: SigningKeyRows): Promise<SigningKeys> {
  if (file !== undefined) return new GivenKeys(await readKeysFile(file));
  const keys = new KeptKeys(rows);
  await keys.prepare();
  return keys;
}

class GivenKeys implements SigningKeys {
  private readonly keys: Keys;

  constructor(keys: Keys) {
    this.keys = keys;
  }

  async all(): Promise<Keys> {
    return this.keys;
  }

  async rotate(): Promise<never> {
    throw new KeysAreGiven();
  }
}

/**
 * Keys that are made here. Which there are is read anew each time, so that every replica signs with a new key, and
 * knows it when asked for the public keys, from the moment that it is there; and none does once a key is taken away.
 */
class KeptKeys implements SigningKeys {
  private readonly rows: SigningKeyRows;
  private known: ReadonlyMap<string, SigningKey> = new Map();

  constructor(rows: SigningKeyRows) {
    this.rows = rows;
  }

  /** Makes the first key; where replicas start at once, one of them does. */
  async prepare(): Promise<void> {
    if ((await this.rows.all()).length === 0) await this.add(1n);
  }

  async all(): Promise<Keys> {
    return this.read(await this.rows.all());
  }

  async rotate(): Promise<SigningKey> {
    for (;;) {
      const [newest] = await this.rows.all();
      const added = await this.add((newest?.number ?? 0n) + 1n);
      if (added) return added;
    }
  }

  private async add(number: bigint): Promise<SigningKey | undefined> {
    const key = await generateSigningKey();
    const isFirst = await this.rows.add({ number, keyId: key.id, privateJwk: formatSigningKey(key) });
    return isFirst ? key : undefined;
  }

  private async read(rows: readonly SigningKeyRow[]): Promise<Keys> {
    const keys = await Promise.all(
      rows.map(({ keyId, privateJwk }) => this.known.get(keyId) ?? readSigningKey(JSON.parse(privateJwk))),
    );
    this.known = new Map(keys.map((key) => [key.id, key]));
    return nonEmpty(keys, "there is no signing key in the database");
  }
}

async function readKeysFile(file: string): Promise<Keys> {
  try {
    const keys: unknown = JSON.parse(readFileSync(file, "utf8"))?.keys;
    if (!Array.isArray(keys)) throw new Error("it is no JWK Set");
    const read = nonEmpty(await Promise.all(keys.map(readSigningKey)), "it holds no key");
    if (new Set(read.map((key) => key.id)).size < read.length) throw new Error("two keys have the same kid");
    return read;
  } catch (error) {
    throw new ConfigError(`SIGNING_KEYS: ${file} cannot be used: ${reasonOf(error)}`);
  }
}

/** The parser's message shows what it read, which may be a secret. */
function reasonOf(error: unknown): string {
  return error instanceof SyntaxError ? "it is no JSON" : (error as Error).message;
}

function nonEmpty(keys: readonly SigningKey[], otherwise: string): Keys {
  const [first, ...others] = keys;
  if (!first) throw new Error(otherwise);
  return [first, ...others];
}
