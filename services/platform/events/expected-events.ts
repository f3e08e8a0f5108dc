/** How long after an event was added it is expected, in milliseconds: what is not there by then was mostly not committed. */
const expectedForMs = 1_000;

/** Which events a relay is to find: those that its own process has added, and any where others may have added some. */
export class ExpectedEvents {
  /** By id, in the order that they were added in; when that was, by a clock that is never set, in milliseconds. */
  private readonly addedAt = new Map<string, number>();
  private anyUntil = 0;
  private readonly clock: () => number;

  constructor(clock = () => performance.now()) {
    this.clock = clock;
  }

  /** Says that an event is about to be committed. */
  add(id: string): void {
    this.forget();
    this.addedAt.set(id, this.clock());
  }

  /** Says that there may be events that nobody has told of. */
  addAny(): void {
    this.anyUntil = this.clock() + expectedForMs;
  }

  /** Says that events were found. */
  found(ids: readonly string[]): void {
    for (const id of ids) this.addedAt.delete(id);
  }

  /** Whether any is expected now. */
  get any(): boolean {
    this.forget();
    return this.addedAt.size > 0 || this.anyUntil > this.clock();
  }

  /** How many are remembered: no more than are added in a second, however long nobody looks for them. */
  get remembered(): number {
    return this.addedAt.size;
  }

  private forget(): void {
    const now = this.clock();
    for (const [id, addedAt] of this.addedAt) {
      if (addedAt + expectedForMs > now) return;
      this.addedAt.delete(id);
    }
  }
}
