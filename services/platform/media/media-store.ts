import { Unavailable } from "../refusal.ts";

/** A file to keep. */
export interface MediaFile {
  readonly bytes: Uint8Array;
  /** Its media type, for those who look into the store. */
  readonly contentType: string;
}

/** Keeps files by key: names of lower-case letters, digits, `.`, `_` and `-`, with slashes between them. */
export interface MediaStore {
  /** Keeps a file for good: whole, or not at all. One that has the key already is replaced. */
  put(key: string, file: MediaFile): Promise<void>;

  /** The bytes of a file; undefined where there is none. */
  get(key: string): Promise<Uint8Array | undefined>;

  /** Removes a file. None of that key is fine. */
  remove(key: string): Promise<void>;
}

/** Thrown when files cannot be kept, read or removed now. */
export class MediaUnavailable extends Unavailable {
  constructor() {
    super("The store of files does not answer, try again later", 5);
  }
}

const keyForm = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;

/** A key that is one. Throws an Error for what could lead elsewhere: `../passwd`. */
export function checkedKey(key: string): string {
  if (!keyForm.test(key)) throw new Error(`A file cannot have the key ${key}`);
  return key;
}
