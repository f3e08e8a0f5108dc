import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something is so; throws where it is not within 30 s. */
export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 30_000;
  while (!(await isSo())) {
    if (Date.now() > until) throw new Error(`Still not so after 30 s: ${isSo}`);
    await sleep(10);
  }
}
