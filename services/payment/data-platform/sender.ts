import type { Logger } from "pino";
import { type Backoff, Bell, pause } from "../../platform/waiting.ts";
import type { Deliveries } from "./deliveries.ts";
import { type Answer, type Delivery, type DeliveryPolicy, idOf, nextStep, usualPolicy } from "./delivery.ts";
import { Reachability, usualBackoff } from "./reachability.ts";
import type { Receiver } from "./receiver.ts";
import { Turns } from "./turns.ts";

/** Attempts that are under way at once, each for another user. */
const mostAtOnce = 16;

/** How long the attempts that are under way when it is stopped may take to end, in milliseconds. */
const graceMs = 2_000;

/** How long a sender waits for what. */
export interface Pace {
  /** Deliveries that the platform does not take. */
  readonly policy: DeliveryPolicy;
  /** A platform that cannot be had. */
  readonly away: Backoff;
  /** How often it is looked for what nobody has woken the sender for, in milliseconds. */
  readonly pollMs: number;
}

export const usualPace: Pace = { policy: usualPolicy, away: usualBackoff, pollMs: 1_000 };

export interface SenderParts {
  readonly deliveries: Deliveries;
  readonly receiver: Receiver;
  readonly log: Logger;
  readonly pace?: Pace;
  /** Told of every delivery that was taken. */
  readonly onSent?: () => void;
}

/**
 * Sends what is for the data platform: at least once, and of each user in order. It is for one replica at a time; where
 * two do for a while, deliveries may come twice, but none comes for the first time before one that precedes it.
 */
export class Sender {
  private readonly deliveries: Deliveries;
  private readonly receiver: Receiver;
  private readonly log: Logger;
  private readonly pace: Pace;
  private readonly onSent: () => void;
  private readonly bell = new Bell();
  private turns: Turns | undefined;

  constructor({ deliveries, receiver, log, pace = usualPace, onSent = () => undefined }: SenderParts) {
    this.deliveries = deliveries;
    this.receiver = receiver;
    this.log = log;
    this.pace = pace;
    this.onSent = onSent;
  }

  /** Says that there is something to send. Where another replica sends, that one finds it by itself. */
  wake(): void {
    this.turns?.announce();
    this.bell.ring();
  }

  /** Sends until the signal is aborted. Rejects where the database is away; it may be run again. */
  async run(stopping: AbortSignal): Promise<void> {
    const turns = new Turns(this.deliveries, this.pace.pollMs);
    const round = new Round(turns, new Reachability(this.pace.away, this.log), () => this.bell.ring());
    this.turns = turns;
    try {
      while (!stopping.aborted && round.failure === undefined) await this.step(round, stopping);
    } finally {
      this.turns = undefined;
      await this.finish(round);
    }
    if (round.failure !== undefined) throw round.failure;
  }

  private async step(round: Round, stopping: AbortSignal): Promise<void> {
    const { turns, reachability, underWay } = round;
    if (reachability.pauseMs > 0) return pause(reachability.pauseMs, stopping);
    // One alone finds out whether a platform that was away is there again.
    const free = (reachability.isThere ? mostAtOnce : 1) - underWay.size;
    const next = free > 0 ? await turns.take(free) : [];
    for (const delivery of next) round.track(this.attempt(delivery, round));
    if (next.length === 0) await this.bell.wait(this.pace.pollMs, stopping);
  }

  /** Makes an attempt at a delivery; what came of it is written while others take its place. */
  private async attempt(delivery: Delivery, round: Round): Promise<void> {
    const answer = await this.receiver.take(delivery);
    round.reachability.note(answer);
    round.note(this.note(delivery, answer, round.turns));
  }

  private async note(delivery: Delivery, answer: Answer, turns: Turns): Promise<void> {
    const step = nextStep(delivery, answer, this.pace.policy);
    const report = { id: idOf(delivery), ...("error" in step && { error: step.error, attempts: step.attempts }) };
    switch (step.kind) {
      case "close":
        await this.deliveries.noteSent(delivery);
        this.onSent();
        return turns.finish(delivery);
      case "retry":
        this.log.warn(report, "the data platform did not take a delivery and will be sent it again");
        await this.deliveries.notePostponed(delivery, step);
        return turns.postpone(delivery);
      case "give_up":
        this.log.error(report, "the data platform did not take a delivery too often: it is dead");
        await this.deliveries.noteDead(delivery, step);
        return turns.finish(delivery);
      case "leave":
        return turns.leave(delivery);
      default:
        return step satisfies never;
    }
  }

  /** Gives attempts that are under way a little time to end: what is abandoned may have arrived, and is sent again. */
  private async finish(round: Round): Promise<void> {
    const ended = new AbortController();
    await Promise.race([round.ended(), pause(graceMs, ended.signal)]);
    ended.abort();
    this.receiver.abandon();
    await round.ended();
  }
}

/** What is under way from the start of a sender to its end. */
class Round {
  readonly turns: Turns;
  readonly reachability: Reachability;
  /** Attempts. */
  readonly underWay = new Set<Promise<void>>();
  /** What could not be written. */
  failure: unknown;
  private readonly notes = new Set<Promise<void>>();

  private readonly onEnded: () => void;

  /** `onEnded` is called whenever something of it has ended. */
  constructor(turns: Turns, reachability: Reachability, onEnded: () => void) {
    this.turns = turns;
    this.reachability = reachability;
    this.onEnded = onEnded;
  }

  track(attempt: Promise<void>): void {
    this.keep(this.underWay, attempt);
  }

  note(writing: Promise<void>): void {
    this.keep(this.notes, writing);
  }

  /** Resolves once nothing is under way. */
  async ended(): Promise<void> {
    await Promise.all(this.underWay);
    await Promise.all(this.notes);
  }

  private keep(set: Set<Promise<void>>, work: Promise<void>): void {
    const kept = work
      .catch((error) => {
        this.failure ??= error;
      })
      .finally(() => {
        set.delete(kept);
        this.onEnded();
      });
    set.add(kept);
  }
}
