import { Unavailable } from "../refusal.ts";
import type { Call } from "./call.ts";

/** How late a call that has not been answered may be told so, in milliseconds. */
const tickMs = 10;

/** Thrown when a call was not answered by its deadline. */
export class DeadlineExceeded extends Unavailable {}

interface Waiting {
  readonly deadline: number;
  readonly reject: (reason: DeadlineExceeded) => void;
  isOver: boolean;
}

/** Calls in progress, and those that ended since the last tick. A timer for each would cost more than a tick for all. */
let waiting: Waiting[] = [];
let ticking: NodeJS.Timeout | undefined;

/**
 * Waits for work until the call's deadline. Throws DeadlineExceeded then, though the work goes on and may have its effect:
 * what the caller knows is what it would know of a service across the network.
 */
export function withinDeadline<T>(call: Call, work: () => Promise<T>): Promise<T> {
  const { deadline } = call;
  if (deadline <= Date.now()) return Promise.reject(new DeadlineExceeded());
  if (deadline === Number.POSITIVE_INFINITY) return work();
  return new Promise<T>((resolve, reject) => {
    const one: Waiting = { deadline, reject, isOver: false };
    work().then(
      (result) => {
        one.isOver = true;
        resolve(result);
      },
      (error) => {
        one.isOver = true;
        reject(error);
      },
    );
    waiting.push(one);
    ticking ??= setInterval(refuseLate, tickMs);
  });
}

function refuseLate(): void {
  const now = Date.now();
  for (const one of waiting) {
    if (one.isOver || one.deadline > now) continue;
    one.isOver = true;
    one.reject(new DeadlineExceeded());
  }
  waiting = waiting.filter((one) => !one.isOver);
  if (waiting.length > 0) return;
  clearInterval(ticking);
  ticking = undefined;
}
