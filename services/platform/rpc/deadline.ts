import { Unavailable } from "../refusal.ts";
import { type Call, longestTimerMs } from "./call.ts";

/**
 * Waits for work until the call's deadline. Throws Unavailable then, though the work goes on and may have its effect:
 * what the caller knows is what it would know of a service across the network.
 */
export function withinDeadline<T>(call: Call, work: () => Promise<T>): Promise<T> {
  const { remainingMs } = call;
  if (remainingMs === 0) return Promise.reject(new Unavailable());
  if (remainingMs > longestTimerMs) return work();
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Unavailable()), remainingMs);
    work().then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
