import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "./failures.ts";

const mostAttempts = 5;

/** Runs work again, up to five times with growing pauses, while it fails for a reason that may pass. */
export async function retryTransient<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === mostAttempts || !isTransient(error)) throw error;
      await sleep(Math.random() * 10 * 2 ** attempt);
    }
  }
}
