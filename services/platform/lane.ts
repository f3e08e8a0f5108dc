import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { isDuplicateKey, isOutOfRoom, isTransient } from "./database/failures.ts";
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

export interface LaneOptions {
  readonly limits?: LaneLimits;
  readonly observe?: LaneObserver | undefined;
  /** Whether this thread is free while a batch commits, as with a database on a server; false where unset. */
  readonly commitsAside?: boolean;
}

interface Waiting<Command, Answer> {
  readonly command: Command;
  readonly deadline: number;
  /** By the clock of `performance.now`. */
  readonly since: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/** Tells each command of a batch what became of it. */
type Answering = () => void;

const mostAttempts = 5;
const defaultLimits: LaneLimits = { batch: 256, waiting: 20_000 };

/**
 * Commits concurrent commands together. While one batch commits, the next gathers: there is no timer, and nothing waits
 * when the lane is idle. Where the database commits aside, the next batch is on its way before the last is answered, and
 * the answering takes no time that somebody waits for.
 *
 * A batch that fails for a passing reason (a deadlock, a lost connection, a key that another process took first) is
 * run again as a whole: nothing of it has been answered, and every command carries its own id. One that fails for good
 * is halved until the command at fault stands alone and fails alone; a full disk is no command's fault.
 */
export class Lane<Command, Answer> {
  private readonly commit: Commit<Command, Answer>;
  private readonly limits: LaneLimits;
  private readonly observe: LaneObserver | undefined;
  private readonly commitsAside: boolean;
  private waiting: Waiting<Command, Answer>[] = [];
  private running = false;

  constructor(commit: Commit<Command, Answer>, options: LaneOptions = {}) {
    this.commit = commit;
    this.limits = options.limits ?? defaultLimits;
    this.observe = options.observe;
    this.commitsAside = options.commitsAside ?? false;
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
    // What else this turn of the event loop brings goes along; and an engine that never waits (SQLite) lets others in.
    await nextTurn();
    let answer: Answering | undefined;
    while (this.waiting.length > 0) {
      const batch = this.takeBatch();
      this.tell(batch);
      const settling = this.settle(batch);
      if (answer) {
        await nextTurn();
        answer();
      }
      answer = await settling;
      if (this.commitsAside && this.waiting.length > 0) continue;
      answer();
      answer = undefined;
      await nextTurn();
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

  private async settle(batch: readonly Waiting<Command, Answer>[]): Promise<Answering> {
    if (batch.length === 0) return () => undefined;
    try {
      const outcomes = await this.commitPatiently(batch.map((one) => one.command));
      return () => answerEach(batch, outcomes);
    } catch (error) {
      if (batch.length === 1 || isTransient(error) || isOutOfRoom(error)) {
        return () => {
          for (const one of batch) one.reject(error);
        };
      }
      const middle = batch.length >> 1;
      const halves = [await this.settle(batch.slice(0, middle)), await this.settle(batch.slice(middle))];
      return () => {
        for (const answer of halves) answer();
      };
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

function answerEach<Command, Answer>(
  batch: readonly Waiting<Command, Answer>[],
  outcomes: readonly Outcome<Answer>[],
): void {
  batch.forEach((one, index) => {
    const outcome = outcomes[index];
    if (!outcome) one.reject(new Error("A command of the batch has no outcome"));
    else if ("refusal" in outcome) one.reject(outcome.refusal);
    else one.resolve(outcome.answer);
  });
}
