import { setTimeout as sleep } from "node:timers/promises";
import type { Transaction } from "./database.ts";
import { isTakenId, isTransient } from "./failures.ts";

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

/**
 * Runs work in transactions that `transact` commits, again while they fail for a reason that may pass. Where the commit of
 * one went through and its answer was lost, the next finds a row with the id of one that it is to insert: what the work came
 * to before is answered, unless it has settled something, which others may have done.
 */
export function retryTransaction<T>(
  work: (tx: Transaction) => Promise<T>,
  transact: (work: (tx: Transaction) => Promise<T>) => Promise<T>,
): Promise<T> {
  return retryCommit((committing) =>
    transact(async (tx) => {
      const result = await work(tx);
      if (!tx.isSettled) committing(result);
      return result;
    }),
  );
}

/** The same for what writes and answers nothing. */
export function retryWrite(write: () => Promise<void>): Promise<void> {
  return retryCommit((committing) => {
    committing(undefined);
    return write();
  });
}

/** `attempt` says what it comes to, where that is to be answered, before it commits. */
async function retryCommit<T>(attempt: (committing: (result: T) => void) => Promise<T>): Promise<T> {
  let before: { readonly result: T } | undefined;
  return retryTransient(async () => {
    const earlier = before;
    try {
      return await attempt((result) => {
        before = { result };
      });
    } catch (error) {
      if (earlier && isTakenId(error)) return earlier.result;
      throw error;
    }
  });
}
