import { setTimeout as sleep } from "node:timers/promises";

/** Longer than any lease and claim of somebody who is gone, on a machine that has much else to do. */
const patienceMs = 100_000;

/** Waits until something is so; throws where it is not within 100 s. */
export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + patienceMs;
  while (!(await isSo())) {
    if (Date.now() > until) throw new Error(`Still not so after 100 s: ${isSo}`);
    await sleep(10);
  }
}
