import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { FileStore } from "./file-store.ts";
import { type MediaStore, MediaUnavailable } from "./media-store.ts";
import { S3Store } from "./s3-store.ts";

/**
 * Opens the store of files: the bucket that MEDIA_URL names, or the directory `media` in DATA_DIR. Whatever goes wrong
 * there is logged, and thrown as MediaUnavailable.
 */
export function openMedia({ mediaBucket, dataDir }: Pick<Config, "mediaBucket" | "dataDir">, log: Logger): MediaStore {
  const store = mediaBucket ? new S3Store(mediaBucket) : new FileStore(join(dataDir, "media"));
  const reporting = async <T>(act: string, key: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      log.error({ err: error, key }, `A file cannot be ${act}`);
      throw new MediaUnavailable();
    }
  };
  return {
    put: (key, file) => reporting("kept", key, store.put(key, file)),
    get: (key) => reporting("read", key, store.get(key)),
    remove: (key) => reporting("removed", key, store.remove(key)),
  };
}
