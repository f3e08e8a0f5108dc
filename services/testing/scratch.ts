import { mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Linux has files in memory. */
const inMemory = "/dev/shm";

/** What tests write at most, all together, with room to spare. */
const enoughBytes = 4 * 2 ** 30;

/**
 * Makes a directory for all that tests write; whoever has made it removes it. It is in memory where there is enough of
 * that: tests commit a hundred thousand times, kill processes and not machines, and have no use for a disk.
 */
export function makeScratch(): string {
  return mkdtempSync(join(hasRoom(inMemory) ? inMemory : tmpdir(), "giftmesh-tests-"));
}

function hasRoom(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize > enoughBytes;
  } catch {
    return false;
  }
}
