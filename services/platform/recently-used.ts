/**
 * Remembers values by key, the most recently used of them: at least half as many as it may hold, and never more. Two
 * generations take the place of a list in order, so that a look costs one or two map look-ups and no memory.
 */
export class RecentlyUsed<K, V> {
  private readonly mostInGeneration: number;
  private young = new Map<K, V>();
  private old = new Map<K, V>();

  /** Holds `most` values, an even number. */
  constructor(most: number) {
    this.mostInGeneration = most / 2;
  }

  get(key: K): V | undefined {
    const young = this.young.get(key);
    if (young !== undefined || this.old.size === 0) return young;
    const old = this.old.get(key);
    if (old !== undefined) {
      this.old.delete(key);
      this.set(key, old);
    }
    return old;
  }

  set(key: K, value: V): void {
    if (this.young.size >= this.mostInGeneration && !this.young.has(key)) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  delete(key: K): void {
    this.young.delete(key);
    this.old.delete(key);
  }
}
