/**
 * The same work, one after another: to hash a password takes a core for a while, and a hundred at once would take longer
 * than a request may.
 */
export function inTurn<A extends readonly unknown[], T>(work: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const done = last.then(() => work(...args));
    last = done.catch(() => undefined);
    return done;
  };
}
