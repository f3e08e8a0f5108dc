/** A secret that codes are kept under, and its name in the rows. */
export interface CodeKey {
  /** 1 to 16 characters. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** At least one key: the first is what new codes are kept under. */
export type CodeKeyList = readonly [CodeKey, ...CodeKey[]];

/** How such a list is written. */
export const codeKeysForm =
  "id:secret, or several with commas between them; an id is 1 to 16 of A-Z, a-z, 0-9, - and _, a secret 32 bytes in base64";

/** Reads `id:base64,id:base64`; undefined where a text is not that. */
export function parseCodeKeys(text: string): CodeKeyList | undefined {
  const keys = text.split(",").map((one): CodeKey | undefined => {
    const [, id = "", base64 = ""] = /^([A-Za-z0-9_-]{1,16}):([A-Za-z0-9+/]{43}=)$/.exec(one.trim()) ?? [];
    return id === "" ? undefined : { id, secret: Buffer.from(base64, "base64") };
  });
  const [first, ...others] = keys.filter((key) => key !== undefined);
  const isWhole = new Set(keys.map((key) => key?.id)).size === keys.length && !keys.includes(undefined);
  return first && isWhole ? [first, ...others] : undefined;
}
