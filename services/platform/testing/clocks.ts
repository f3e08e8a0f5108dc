/**
 * Does something by a clock that differs from what it was by so many milliseconds: ahead of it, or behind. It is the whole
 * process's, so whoever uses it has to be the only one at work.
 */
export async function byClock<T>(offsetMs: number, work: () => T | Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() + offsetMs;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}
