import type { Database } from "../platform/database/database.ts";
import { Lane } from "../platform/lane.ts";
import { RecentlyUsed } from "../platform/recently-used.ts";
import { NotFound } from "../platform/refusal.ts";
import { type Call, defaultTimeoutMs } from "../platform/rpc/call.ts";
import type { Worker } from "../platform/service.ts";
import { type Instant, now } from "../platform/time.ts";
import { TooManyGuesses } from "./domain/errors.ts";
import { mostMisses, mostMissesOfAll, refusedUntil, window, windowStart } from "./domain/guess-budget.ts";
import { type MissedGuess, MissedGuesses } from "./store/missed-guesses.ts";
import { Turns } from "./turns.ts";

const mostRemembered = 200_000;

/**
 * Lets nobody find codes by trying. Misses are counted in the database, so that replicas count together, and nothing is
 * written for a code that is a card's.
 *
 * In one process the budget is exact, however many tries come at once: a caller has as many under way as the budget has
 * room for and, from the first miss on, one. Of several processes each lets no more than ten be under way that none of the
 * others knows of: a caller who sets out at all of R replicas at the same instant tries 10 * R codes in that minute, and no
 * more. To have it exact for all together, a row would be written before each code is looked for, also for those that are a
 * card's; a code has 2^80 values, so that R times as many tries find none either.
 */
export class Guesses {
  private readonly misses: MissedGuesses;
  private readonly lane: Lane<MissedGuess, undefined>;
  private readonly turns: Turns;
  /** As this process knows: when callers have missed last, and until when they are refused. */
  private readonly missedAt = new RecentlyUsed<bigint, Instant>(mostRemembered);
  private readonly refused = new RecentlyUsed<bigint, Instant>(mostRemembered);

  constructor(database: Database) {
    this.misses = new MissedGuesses(database);
    const add = async (guesses: readonly MissedGuess[]) => {
      await this.misses.add(guesses);
      return guesses.map(() => ({ answer: undefined }));
    };
    this.lane = new Lane(add, { database });
    this.turns = new Turns((userId) => (this.hasMissedLately(userId) ? 1 : mostMisses));
  }

  /**
   * Looks for a card by a code that the caller gave: `look` throws NotFound where it is none's that they may see. Throws
   * TooManyGuesses, without a look, where too many were. What the look calls is part of a call that the caller cannot cut
   * short: a guess counts though nobody waits for what came of it.
   */
  guess<T>(call: Call, look: (patient: Call) => Promise<T>): Promise<T> {
    const { userId } = call.caller;
    const patient = call.with({ deadline: Date.now() + defaultTimeoutMs, cancelled: () => undefined });
    return this.turns.during(userId, async () => {
      await this.admit(userId);
      try {
        return await look(patient);
      } catch (error) {
        if (error instanceof NotFound) await this.miss(userId);
        throw error;
      }
    });
  }

  get worker(): Worker {
    const run = () => this.misses.purge(windowStart(now()));
    return { name: "purge-missed-guesses", everyMs: 10_000, alone: true, run };
  }

  private async admit(userId: bigint): Promise<void> {
    const at = now();
    this.refuse(this.refused.get(userId), at);
    const since = windowStart(at);
    const own = await this.misses.of(userId, since, mostMisses);
    // Whoever has not missed lately is served, whatever others do.
    const areTooManyOfAll = own.length > 0 && (await this.misses.areAtLeast(mostMissesOfAll, since));
    const until = refusedUntil({ own, areTooManyOfAll });
    if (until !== undefined) this.refused.set(userId, until);
    this.refuse(until, at);
  }

  private refuse(until: Instant | undefined, at: Instant): void {
    if (until !== undefined && until > at) throw new TooManyGuesses(Math.ceil(Number(until - at) / 1_000_000));
  }

  private async miss(userId: bigint): Promise<void> {
    const at = now();
    this.missedAt.set(userId, at);
    await this.lane.submit({ userId, at });
  }

  private hasMissedLately(userId: bigint): boolean {
    return (this.missedAt.get(userId) ?? 0n) + window > now();
  }
}
