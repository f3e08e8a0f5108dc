import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkedKey, type MediaFile, type MediaStore } from "./media-store.ts";

/** How old a file may become in the making, in milliseconds; older ones are of processes that have died. */
const longestInMakingMs = 3_600_000;

/** Keeps files in a directory. Replicas on several machines need one that they share, or a bucket. */
export class FileStore implements MediaStore {
  private readonly directory: string;
  /** On the same file system, so that a file gets into its place in one step. No key begins with a dot. */
  private readonly making: string;
  private swept: Promise<void> | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.making = join(directory, ".making");
  }

  async put(key: string, { bytes }: MediaFile): Promise<void> {
    const path = this.pathOf(key);
    await mkdir(this.making, { recursive: true });
    this.swept ??= this.sweep().catch(() => undefined);
    await this.swept;
    const made = join(this.making, randomUUID());
    try {
      await writeDurably(made, bytes);
      await mkdir(dirname(path), { recursive: true });
      await rename(made, path);
    } catch (error) {
      await rm(made, { force: true }).catch(() => undefined);
      throw error;
    }
    await this.syncDirectories(path);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.pathOf(key));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    const path = this.pathOf(key);
    await rm(path, { force: true });
    // One that is not empty stays.
    await rmdir(dirname(path)).catch(() => undefined);
  }

  private pathOf(key: string): string {
    return join(this.directory, checkedKey(key));
  }

  /** A name is as durable as the directory that it stands in, and that one's own name. */
  private async syncDirectories(path: string): Promise<void> {
    for (let parent = dirname(path); parent.length >= this.directory.length; parent = dirname(parent)) {
      const directory = await open(parent, "r");
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    }
  }

  /** Removes what was in the making when a process died. */
  private async sweep(): Promise<void> {
    const oldest = Date.now() - longestInMakingMs;
    for (const name of await readdir(this.making)) {
      const path = join(this.making, name);
      const found = await stat(path).catch(() => undefined);
      if (found && found.mtimeMs < oldest) await rm(path, { force: true });
    }
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o640);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}
