import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Config, ConfigError } from "../config.ts";
import { isDuplicateKey } from "../database/failures.ts";
import { type CodeKeyList, parseCodeKeys } from "./code-key-list.ts";
import type { CodeKeyRows } from "./code-key-rows.ts";
import { CodeKeys, type CodeOwner, fingerprintOf } from "./code-keys.ts";

/** What an owner's keys are called. */
interface KeySettings {
  readonly setting: string;
  /** In DATA_DIR. */
  readonly fileName: string;
  /** What they are for, for people. */
  readonly things: string;
}

const settingsOf: Readonly<Record<CodeOwner, KeySettings>> = {
  "gift-card": { setting: "GIFT_CARD_KEYS", fileName: "gift-card-keys", things: "cards" },
  voucher: { setting: "VOUCHER_KEYS", fileName: "voucher-keys", things: "vouchers" },
};

/**
 * The keys of an owner's setting (`GIFT_CARD_KEYS`) or, where it is unset, one that was made at the first start and is kept
 * in DATA_DIR. Throws a ConfigError where a key is missing that codes of `rows` are kept under, or is not what it was: no
 * code is ever lost by a setting.
 */
export async function openCodeKeys(owner: CodeOwner, config: Config, rows: CodeKeyRows): Promise<CodeKeys> {
  const settings = settingsOf[owner];
  const file = join(config.dataDir, settings.fileName);
  const given = config.codeKeys[owner] ?? readKeys(owner, file);
  // Whoever has noted a key had put it into the file before, which may be since this process has looked there.
  const keys = given ?? ((await rows.all()).length > 0 ? readKeys(owner, file) : makeKey(owner, config.dataDir, file));
  if (!keys) {
    const { setting, things } = settings;
    throw new ConfigError(`${setting}: must be set, or ${file} be put back: the database has ${things} of other keys`);
  }
  await note(owner, keys, rows);
  return new CodeKeys(owner, keys);
}

/** The same keys, for a service that seals what another keeps, and knows again what it has sealed. */
export function openSealingKeys(owner: CodeOwner, config: Config): Pick<CodeKeys, "seal" | "searchKeys"> {
  const file = join(config.dataDir, settingsOf[owner].fileName);
  const keys = config.codeKeys[owner] ?? readKeys(owner, file) ?? makeKey(owner, config.dataDir, file);
  return new CodeKeys(owner, keys);
}

function readKeys(owner: CodeOwner, file: string): CodeKeyList | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(`DATA_DIR: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const keys = parseCodeKeys(text.trim());
  if (!keys) throw new ConfigError(`DATA_DIR: ${file} holds no ${owner.replace("-", " ")} keys`);
  return keys;
}

/** Makes a key, on the disk before any code is kept under it; of processes that start at once, one does. */
function makeKey(owner: CodeOwner, directory: string, file: string): CodeKeyList {
  const id = randomBytes(4).toString("hex");
  const secret = randomBytes(32);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    putNew(file, `${id}:${secret.toString("base64")}\n`, `${file}.${id}`);
  } catch (error) {
    const keys = (error as NodeJS.ErrnoException).code === "EEXIST" ? readKeys(owner, file) : undefined;
    if (keys) return keys;
    throw new ConfigError(`DATA_DIR: ${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
  return [{ id, secret }];
}

/** Puts a file there whole, so that no other process reads a part of it. Throws EEXIST where there is one. */
function putNew(file: string, text: string, draft: string): void {
  writeFileSync(draft, text, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(draft, file);
  } finally {
    rmSync(draft);
  }
  flush(dirname(file));
}

/** Has the names in a directory be on the disk, as the contents of its files are. */
function flush(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Notes which key writes, and sees that every key is there that codes are kept under. */
async function note(owner: CodeOwner, keys: CodeKeyList, rows: CodeKeyRows): Promise<void> {
  const { setting, things } = settingsOf[owner];
  const given = new Map(keys.map((key) => [key.id, key]));
  for (;;) {
    const known = await rows.all();
    for (const { id, fingerprint } of known) {
      const key = given.get(id);
      if (key && fingerprintOf(owner, key) !== fingerprint) {
        throw new ConfigError(`${setting}: the key ${id} is not the one that ${things} are kept under`);
      }
      if (!key && (await rows.isInUse(id))) {
        throw new ConfigError(`${setting}: the key ${id} is missing, and ${things} are still kept under it`);
      }
    }
    const [writing] = keys;
    const number = (known[0]?.number ?? 0n) + 1n;
    const row = { number, id: writing.id, fingerprint: fingerprintOf(owner, writing) };
    if (known.some(({ id }) => id === writing.id) || (await isAdded(row, rows))) return;
  }
}

/** Adds a key after the newest; answers false where another replica has added one before. */
async function isAdded(row: Parameters<CodeKeyRows["add"]>[0], rows: CodeKeyRows): Promise<boolean> {
  try {
    await rows.add(row);
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}
