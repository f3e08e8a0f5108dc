import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError, parseGiftCardKeys } from "../platform/config.ts";
import { isDuplicateKey } from "../platform/database/failures.ts";
import { type CodeKey, type CodeKeyList, CodeKeys, fingerprintOf } from "./code-keys.ts";
import type { CodeKeyRows } from "./store/code-key-rows.ts";

const fileName = "gift-card-keys";

/**
 * The keys of GIFT_CARD_KEYS or, where it is unset, one that was made at the first start and is kept in DATA_DIR. Throws a
 * ConfigError where a key is missing that cards are kept under, or is not what it was: no card is ever lost by a setting.
 */
export async function openCodeKeys(config: Config, rows: CodeKeyRows): Promise<CodeKeys> {
  const keys = config.giftCardKeys ?? (await keysOfDirectory(config.dataDir, rows));
  await note(keys, rows);
  return new CodeKeys(keys);
}

async function keysOfDirectory(directory: string, rows: CodeKeyRows): Promise<CodeKeyList> {
  const file = join(directory, fileName);
  const kept = readKeys(file);
  if (kept) return kept;
  if ((await rows.all()).length > 0) {
    throw new ConfigError(`GIFT_CARD_KEYS: must be set, or ${file} be put back: the database has cards of other keys`);
  }
  return makeKey(directory, file);
}

function readKeys(file: string): CodeKeyList | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(`DATA_DIR: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const keys = parseGiftCardKeys(text.trim());
  if (!keys) throw new ConfigError(`DATA_DIR: ${file} holds no gift card keys`);
  return keys;
}

/** Makes a key, on the disk before any card is kept under it; of processes that start at once, one does. */
function makeKey(directory: string, file: string): CodeKeyList {
  const id = randomBytes(4).toString("hex");
  const secret = randomBytes(32);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(file, `${id}:${secret.toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
  } catch (error) {
    const keys = (error as NodeJS.ErrnoException).code === "EEXIST" ? readKeys(file) : undefined;
    if (keys) return keys;
    throw new ConfigError(`DATA_DIR: ${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
  return [{ id, secret }];
}

/** Notes which key writes, and sees that every key is there that cards are kept under. */
async function note(keys: CodeKeyList, rows: CodeKeyRows): Promise<void> {
  const given = new Map(keys.map((key) => [key.id, key]));
  for (;;) {
    const known = await rows.all();
    for (const { id, fingerprint } of known) {
      const key = given.get(id);
      if (key && fingerprintOf(key) !== fingerprint) {
        throw new ConfigError(`GIFT_CARD_KEYS: the key ${id} is not the one that cards are kept under`);
      }
      if (!key && (await rows.isInUse(id))) {
        throw new ConfigError(`GIFT_CARD_KEYS: the key ${id} is missing, and cards are still kept under it`);
      }
    }
    const [writing] = keys;
    if (known.some(({ id }) => id === writing.id) || (await added(writing, known[0]?.number ?? 0n, rows))) return;
  }
}

/** Adds the key that comes after the newest; answers false where another replica has added one before. */
async function added(key: CodeKey, newest: bigint, rows: CodeKeyRows): Promise<boolean> {
  try {
    await rows.add({ number: newest + 1n, id: key.id, fingerprint: fingerprintOf(key) });
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}
