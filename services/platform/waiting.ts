import { setTimeout as sleep } from "node:timers/promises";

/** How pauses grow: from the first on each is twice the one before, up to the longest, in milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** How long to pause after so many failures in a row, from 1, in milliseconds; up to half of it is left to chance. */
export function backoffMs(failures: number, { firstMs, mostMs }: Backoff): number {
  const pauseMs = Math.min(mostMs, firstMs * 2 ** (failures - 1));
  return pauseMs * (1 - Math.random() / 2);
}

/** Waits so many milliseconds, not at all where there are none, or until the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Waits until something is settled, whatever came of it, or so many milliseconds; answers whether it is. */
export async function settledWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  const isSettled = await Promise.race([settled, late]);
  clearTimeout(timer);
  return isSettled;
}

/** Wakes the one that waits for it. Rung while nobody waits, it wakes the next one at once. */
export class Bell {
  private rung = false;
  private wake: () => void = () => undefined;

  ring(): void {
    this.rung = true;
    this.wake();
  }

  /** Waits until it is rung, so many milliseconds, or until the signal is aborted. Answers whether it was rung. */
  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.rung && !signal.aborted) await this.sleep(ms, signal);
    const { rung } = this;
    this.rung = false;
    return rung;
  }

  private async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", this.wake);
    });
    signal.removeEventListener("abort", this.wake);
  }
}
