interface Line {
  /** Those who work and those who wait. */
  present: number;
  working: number;
  readonly waiting: (() => void)[];
}

/** Has everybody do things of one kind in turn, no more at a time than they may; others do not wait for them. */
export class Turns {
  private readonly lines = new Map<bigint, Line>();
  private readonly mostAtOnce: (who: bigint) => number;

  /** `mostAtOnce` is asked each time anew, and is 1 at least. */
  constructor(mostAtOnce: (who: bigint) => number) {
    this.mostAtOnce = mostAtOnce;
  }

  async during<T>(who: bigint, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(who) ?? { present: 0, working: 0, waiting: [] };
    this.lines.set(who, line);
    line.present++;
    try {
      while (line.working >= this.mostAtOnce(who)) await new Promise<void>((resolve) => line.waiting.push(resolve));
      line.working++;
      try {
        return await work();
      } finally {
        line.working--;
        line.waiting.shift()?.();
      }
    } finally {
      line.present--;
      if (line.present === 0) this.lines.delete(who);
    }
  }
}
