import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { isDuplicateKey, isTransient } from "./database/failures.ts";
import { type Refusal, Unavailable } from "./refusal.ts";

/** What became of one command: done, or refused. A refusal is an answer like any other. */
export type Outcome<Answer> = { readonly answer: Answer } | { readonly refusal: Refusal };

/** Decides commands in order and commits what they change in one transaction: one outcome for each, in order. */
export type Commit<Command, Answer> = (commands: readonly Command[]) => Promise<readonly Outcome<Answer>[]>;

/** Told of every batch before it is committed: its size, and for how long its commands have waited, all together. */
export type LaneObserver = (commands: number, waitedMs: number) => void;

export interface LaneLimits {
  /** Commands in one transaction. */
  readonly batch: number;
  /** Commands that wait; one more is refused as Unavailable. */
  readonly waiting: number;
}

interface Waiting<Command, Answer> {
  readonly command: Command;
  readonly deadline: number;
  /** By the clock of `performance.now`. */
  readonly since: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

const mostAttempts = 5;
const defaultLimits: LaneLimits = { batch: 256, waiting: 20_000 };

/**
 * Commits concurrent commands together. While one batch commits, the next gathers: there is no timer, and nothing waits
 * when the lane is idle.
 *
 * A batch that fails for a passing reason (a deadlock, a lost connection, a key that another process took first) is
 * run again as a whole: nothing of it has been answered, and every command carries its own id. One that fails for good
 * is halved until the command at fault stands alone and fails alone.
 */
export class Lane<Command, Answer> {
  private readonly commit: Commit<Command, Answer>;
  private readonly limits: LaneLimits;
  private readonly observe: LaneObserver | undefined;
  private waiting: Waiting<Command, Answer>[] = [];
  private running = false;

  constructor(
    commit: Commit<Command, Answer>,
    options: { readonly limits?: LaneLimits; readonly observe?: LaneObserver | undefined } = {},
  ) {
    this.commit = commit;
    this.limits = options.limits ?? defaultLimits;
    this.observe = options.observe;
  }

  /** Has a command decided. Rejects with its Refusal, or Unavailable where its deadline (ms since 1970) passes first. */
  submit(command: Command, deadline = Number.POSITIVE_INFINITY): Promise<Answer> {
    if (this.waiting.length >= this.limits.waiting) return Promise.reject(new Unavailable("Too many requests waiting"));
    return new Promise((resolve, reject) => {
      this.waiting.push({ command, deadline, since: performance.now(), resolve, reject });
      if (this.running) return;
      this.running = true;
      void this.run();
    });
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      // What else this turn of the event loop brings goes along; and an engine that never waits (SQLite) lets others in.
      await nextTurn();
      const batch = this.takeBatch();
      this.tell(batch);
      await this.settle(batch);
    }
    this.running = false;
  }

  private takeBatch(): Waiting<Command, Answer>[] {
    const taken = this.waiting.splice(0, this.limits.batch);
    const now = Date.now();
    const late = taken.filter((one) => one.deadline <= now);
    for (const one of late) one.reject(new Unavailable("The deadline has passed"));
    return late.length === 0 ? taken : taken.filter((one) => one.deadline > now);
  }

  private tell(batch: readonly Waiting<Command, Answer>[]): void {
    if (!this.observe || batch.length === 0) return;
    const now = performance.now();
    this.observe(
      batch.length,
      batch.reduce((sum, { since }) => sum + (now - since), 0),
    );
  }

  private async settle(batch: readonly Waiting<Command, Answer>[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const outcomes = await this.commitPatiently(batch.map((one) => one.command));
      batch.forEach((one, index) => {
        const outcome = outcomes[index];
        if (!outcome) one.reject(new Error("A command of the batch has no outcome"));
        else if ("refusal" in outcome) one.reject(outcome.refusal);
        else one.resolve(outcome.answer);
      });
    } catch (error) {
      if (batch.length === 1 || isTransient(error)) {
        for (const one of batch) one.reject(error);
        return;
      }
      const middle = batch.length >> 1;
      await this.settle(batch.slice(0, middle));
      await this.settle(batch.slice(middle));
    }
  }

  private async commitPatiently(commands: readonly Command[]): Promise<readonly Outcome<Answer>[]> {
    let collisions = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.commit(commands);
      } catch (error) {
        // After a taken key, the second look finds what took it; a third would find the same.
        const isCollision = isDuplicateKey(error);
        if (isCollision) collisions++;
        const isWorthAnother = isCollision ? collisions === 1 : isTransient(error) && attempt < mostAttempts;
        if (!isWorthAnother) throw error;
        await sleep(Math.random() * 5 * 2 ** attempt);
      }
    }
  }
}
