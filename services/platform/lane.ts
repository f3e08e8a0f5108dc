import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "./database/database.ts";
import { isDuplicateKey, isLockedOut, isOutOfRoom, isTransient } from "./database/failures.ts";
import { type Refusal, Unavailable } from "./refusal.ts";

/** What became of one command: done, or refused. A refusal is an answer like any other. */
export type Outcome<Answer> = { readonly answer: Answer } | { readonly refusal: Refusal };

/** Decides commands in order and commits what they change in one transaction: one outcome for each, in order. */
export type Commit<Command, Answer> = (
  commands: readonly Command[],
  circumstances: Circumstances,
) => Promise<readonly Outcome<Answer>[]>;

export interface Circumstances {
  /**
   * Set while a batch before is still under way; resolves once that is settled, whatever came of it: then these may not take
   * effect but after those.
   */
  readonly earlier?: Promise<unknown> | undefined;
  /** What locks the rows that are read: waiting for them or, where somebody was waited for in vain, at once or not at all. */
  readonly forUpdate: string;
}

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
  /** Where batches are committed. Unset, nothing is locked, and this thread is busy while one is. */
  readonly database?: Pick<Database, "commitsAside" | "forUpdate" | "forUpdateAtOnce">;
  /** How many batches may be under way at once; 1 where unset. More are for a `commit` that heeds `earlier`. */
  readonly underWay?: number;
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

/** A batch that is being committed. */
interface UnderWay {
  readonly size: number;
  readonly settling: Promise<Answering>;
}

const mostAttempts = 5;

/** How often it is tried to have a row that is not waited for: another replica may have it for a moment. */
const mostAttemptsAtOnce = 3;

const withoutLocks: NonNullable<LaneOptions["database"]> = { commitsAside: false, forUpdate: "", forUpdateAtOnce: "" };
const defaultLimits: LaneLimits = { batch: 256, waiting: 20_000 };

/**
 * Commits concurrent commands together. While one batch commits, the next gathers: there is no timer, and nothing waits
 * when the lane is idle. Where the database commits aside, the next batch is on its way before the last is answered, and
 * the answering takes no time that somebody waits for. Where two may be under way, the next is sent as soon as it is as
 * large as the one before: sooner, and batches would become many and small.
 *
 * A batch that fails for a passing reason (a deadlock, a lost connection, a key that another process took first) is
 * run again as a whole: nothing of it has been answered, and every command carries its own id. One that fails for good
 * is halved until the command at fault stands alone and fails alone; a full disk is no command's fault. Where somebody has
 * a row locked for long, every command is tried by itself, and only those that need the row fail: at once, since it has been
 * waited for already.
 */
export class Lane<Command, Answer> {
  private readonly commit: Commit<Command, Answer>;
  private readonly limits: LaneLimits;
  private readonly observe: LaneObserver | undefined;
  private readonly database: NonNullable<LaneOptions["database"]>;
  private readonly mostUnderWay: number;
  private waiting: Waiting<Command, Answer>[] = [];
  /** In the order that they were sent in. */
  private underWay: readonly UnderWay[] = [];
  private isWaking = false;

  constructor(commit: Commit<Command, Answer>, options: LaneOptions = {}) {
    this.commit = commit;
    this.limits = options.limits ?? defaultLimits;
    this.observe = options.observe;
    this.database = options.database ?? withoutLocks;
    this.mostUnderWay = options.underWay ?? 1;
  }

  /** Has a command decided. Rejects with its Refusal, or Unavailable where its deadline (ms since 1970) passes first. */
  submit(command: Command, deadline = Number.POSITIVE_INFINITY): Promise<Answer> {
    if (this.waiting.length >= this.limits.waiting) return Promise.reject(new Unavailable("Too many requests waiting"));
    return new Promise((resolve, reject) => {
      this.waiting.push({ command, deadline, since: performance.now(), resolve, reject });
      this.wake();
    });
  }

  /** What else this turn of the event loop brings goes along; and an engine that never waits (SQLite) lets others in. */
  private wake(): void {
    if (this.isWaking || !this.mayStart()) return;
    this.isWaking = true;
    setImmediate(() => {
      this.isWaking = false;
      if (this.mayStart()) this.start();
    });
  }

  private mayStart(): boolean {
    const last = this.underWay.at(-1);
    if (this.waiting.length === 0 || !last) return this.waiting.length > 0;
    return this.underWay.length < this.mostUnderWay && this.waiting.length >= last.size;
  }

  private start(): void {
    const batch = refuseLate(this.waiting.splice(0, this.limits.batch));
    this.tell(batch);
    const { forUpdate } = this.database;
    const settling = this.settle(batch, { earlier: this.underWay.at(-1)?.settling, forUpdate });
    const one: UnderWay = { size: batch.length, settling };
    this.underWay = [...this.underWay, one];
    void one.settling.then((answer) => {
      this.underWay = this.underWay.filter((other) => other !== one);
      if (this.database.commitsAside && this.mayStart()) {
        this.start();
        setImmediate(answer);
      } else {
        answer();
        this.wake();
      }
    });
  }

  private tell(batch: readonly Waiting<Command, Answer>[]): void {
    if (!this.observe || batch.length === 0) return;
    const now = performance.now();
    this.observe(
      batch.length,
      batch.reduce((sum, { since }) => sum + (now - since), 0),
    );
  }

  private async settle(batch: readonly Waiting<Command, Answer>[], circumstances: Circumstances): Promise<Answering> {
    if (batch.length === 0) return () => undefined;
    try {
      const commands = batch.map((one) => one.command);
      const outcomes = await this.commitPatiently(commands, circumstances);
      return () => answerEach(batch, outcomes);
    } catch (error) {
      if (batch.length === 1 || mayPass(error) || isOutOfRoom(error)) {
        return () => {
          for (const one of batch) one.reject(error);
        };
      }
      await circumstances.earlier;
      const parts = isLockedOut(error) ? batch.map((one) => [one]) : halvesOf(batch);
      const forUpdate = isLockedOut(error) ? this.database.forUpdateAtOnce : circumstances.forUpdate;
      for (const part of parts) {
        const answer = await this.settle(refuseLate(part), { forUpdate });
        answer();
      }
      return () => undefined;
    }
  }

  private async commitPatiently(
    commands: readonly Command[],
    { earlier, forUpdate }: Circumstances,
  ): Promise<readonly Outcome<Answer>[]> {
    let collisions = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.commit(commands, { earlier: attempt === 1 ? earlier : undefined, forUpdate });
      } catch (error) {
        // After a taken key, the second look finds what took it; a third would find the same.
        const isCollision = isDuplicateKey(error);
        if (isCollision) collisions++;
        const isWorthAnother = isCollision ? collisions === 1 : attempt < this.attemptsAfter(error, forUpdate);
        if (!isWorthAnother) throw error;
        await Promise.all([earlier, sleep(Math.random() * 5 * 2 ** attempt)]);
      }
    }
  }

  /** How often a batch is run where it fails for such a reason. */
  private attemptsAfter(error: unknown, forUpdate: string): number {
    if (isLockedOut(error)) return forUpdate === this.database.forUpdateAtOnce ? mostAttemptsAtOnce : 1;
    return isTransient(error) ? mostAttempts : 1;
  }
}

/** Whether the same batch may go through when it is run again: not while somebody has a row locked, for which it has waited. */
function mayPass(error: unknown): boolean {
  return isTransient(error) && !isLockedOut(error);
}

/** Refuses those whose deadline has passed; answers the others. */
function refuseLate<C, A>(batch: readonly Waiting<C, A>[]): readonly Waiting<C, A>[] {
  const now = Date.now();
  const late = batch.filter((one) => one.deadline <= now);
  for (const one of late) one.reject(new Unavailable("The deadline has passed"));
  return late.length === 0 ? batch : batch.filter((one) => one.deadline > now);
}

function halvesOf<T>(batch: readonly T[]): readonly (readonly T[])[] {
  const middle = batch.length >> 1;
  return [batch.slice(0, middle), batch.slice(middle)];
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
