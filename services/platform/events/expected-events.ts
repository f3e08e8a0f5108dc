/** How long after an event was added it is expected, in milliseconds: whoever looks then and finds it not will mostly never. */
const expectedForMs = 1_000;

/** Which events a relay is to find: those that its own process has added, and any where others may have added some. */
export class ExpectedEvents {
  /** By id, in the order that they were added in; when that was, by a clock that is never set, in milliseconds. */
  private readonly addedAt = new Map<string, number>();
  private anyUntil = 0;
  private lookedAt = 0;
  private readonly clock: () => number;

  constructor(clock = () => performance.now()) {
    this.clock = clock;
  }

  /** Says that an event is about to be committed. */
  add(id: string): void {
    this.addedAt.set(id, this.clock());
  }

  /** Says that there may be events that nobody has told of. */
  addAny(): void {
    this.anyUntil = this.clock() + expectedForMs;
  }

  /** Says that it is looked for events from now on. */
  look(): void {
    this.lookedAt = this.clock();
    this.forget();
  }

  /** Says that events were found. */
  found(ids: readonly string[]): void {
    for (const id of ids) this.addedAt.delete(id);
  }

  /** Whether any is expected that the last look has not found. */
  get any(): boolean {
    return this.addedAt.size > 0 || this.anyUntil > this.lookedAt;
  }

  /** Drops those that were added long before the look: it is the last one for them. */
  private forget(): void {
    for (const [id, addedAt] of this.addedAt) {
      if (addedAt + expectedForMs > this.lookedAt) return;
      this.addedAt.delete(id);
    }
  }
}
