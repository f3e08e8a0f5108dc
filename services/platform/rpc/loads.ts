/** What travels together is so many bytes, or one thing that is larger. */
const mostBytes = 1024 * 1024;

/** What travels together is so many things at most. */
const mostThings = 1_000;

/** Takes as many things out of a queue, the first first, as travel together; at least one where there is one. */
export function takeLoad<T>(queue: Set<T>, bytesOf: (thing: T) => number): T[] {
  const load: T[] = [];
  let bytes = 0;
  for (const thing of queue) {
    bytes += bytesOf(thing);
    if (load.length === mostThings || (load.length > 0 && bytes > mostBytes)) break;
    queue.delete(thing);
    load.push(thing);
  }
  return load;
}
