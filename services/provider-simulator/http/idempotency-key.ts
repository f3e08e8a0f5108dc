/** Thrown when there is an `Idempotency-Key` that is none. */
export class MalformedKey extends Error {
  readonly statusCode = 400;

  constructor() {
    super("The Idempotency-Key must be 1 to 255 printable characters, best in double quotes");
  }
}

/**
 * What `Idempotency-Key` says: a string as structured fields have it (RFC 8941, 3.3.3), or the bare text that many send;
 * undefined where there is none. Throws MalformedKey for anything else.
 */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = String(header);
  const key = text.startsWith('"') ? unquoted(text) : text;
  if (key === undefined || !/^[\x20-\x7e]{1,255}$/.test(key)) throw new MalformedKey();
  return key;
}

function unquoted(text: string): string | undefined {
  const [, inner] = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text) ?? [];
  return inner?.replace(/\\(["\\])/g, "$1");
}
