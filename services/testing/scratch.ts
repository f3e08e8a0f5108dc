import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Linux has files in memory. */
const inMemory = "/dev/shm";

/** What tests write at most, all together, with room to spare. */
const enoughBytes = 4 * 2 ** 30;

/**
 * Runs tests with a directory for all that they write, which is gone after them. It is in memory where there is enough of
 * that: tests commit a hundred thousand times, kill processes and not machines, and have no use for a disk.
 */
export async function inScratch<T>(run: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(hasRoom(inMemory) ? inMemory : tmpdir(), "giftmesh-tests-"));
  process.env.TMPDIR = scratch;
  try {
    return await run(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function hasRoom(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize > enoughBytes;
  } catch {
    return false;
  }
}
