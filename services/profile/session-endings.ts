import { longestTimerMs } from "../platform/rpc/call.ts";
import { microsecondsPerSecond, now } from "../platform/time.ts";
import { Bell } from "../platform/waiting.ts";
import type { Sessions } from "./store/sessions.ts";

/**
 * By how much the clocks of two replicas may differ, and how long the commit of a session's end may take, together:
 * what ended so long ago is looked for again each time.
 */
const overlap = 60n * microsecondsPerSecond;

/** Sessions in one message of a stream. */
const mostTogether = 10_000;

/** Sessions that a stream's reader may be behind by; the stream of a slower one ends, so that it begins again. */
const mostBehind = 1_000_000;

/** Tells those who check tokens which sessions have ended: at once here, within a second elsewhere. */
export class SessionEndings {
  private readonly sessions: Sessions;
  private readonly tokenLifetimeSeconds: number;
  private readonly stopping = new AbortController();
  private readonly watchers = new Set<Watcher>();
  private found: ReadonlySet<bigint> = new Set();

  constructor(sessions: Sessions, tokenLifetimeSeconds: number) {
    this.sessions = sessions;
    this.tokenLifetimeSeconds = tokenLifetimeSeconds;
  }

  /** Tells of sessions whose end is committed. */
  tell(sessionIds: readonly bigint[]): void {
    for (const watcher of this.watchers) watcher.add(sessionIds);
  }

  /** Looks for those that other replicas have ended. May tell of some twice. */
  async find(): Promise<void> {
    if (this.watchers.size === 0) return;
    const ended = await this.sessions.endedSince(now() - overlap);
    this.tell(ended.filter((id) => !this.found.has(id)));
    this.found = new Set(ended);
  }

  /**
   * First all that ended while tokens of theirs may still be good, be it none; then each as it ends, until the signal
   * is aborted or the service stops.
   */
  async *watch(signal: AbortSignal): AsyncGenerator<readonly bigint[]> {
    const ending = AbortSignal.any([signal, this.stopping.signal]);
    const watcher = new Watcher();
    // Before those that have ended are read, so that none is missed between.
    this.watchers.add(watcher);
    try {
      const since = now() - BigInt(this.tokenLifetimeSeconds) * microsecondsPerSecond - overlap;
      const ended = await this.sessions.endedSince(since);
      yield ended.slice(0, mostTogether);
      for (let told = mostTogether; told < ended.length; told += mostTogether) {
        yield ended.slice(told, told + mostTogether);
      }
      while (await watcher.hasMore(ending)) yield watcher.take();
    } finally {
      this.watchers.delete(watcher);
    }
  }

  /** Ends all streams. */
  stop(): void {
    this.stopping.abort();
  }
}

/** What one stream has still to tell. */
class Watcher {
  private readonly bell = new Bell();
  private waiting: bigint[] = [];
  private isBehind = false;

  add(sessionIds: readonly bigint[]): void {
    if (sessionIds.length === 0 || this.isBehind) return;
    for (const id of sessionIds) this.waiting.push(id);
    this.isBehind = this.waiting.length > mostBehind;
    if (this.isBehind) this.waiting = [];
    this.bell.ring();
  }

  take(): bigint[] {
    return this.waiting.splice(0, mostTogether);
  }

  /** Waits for more. Answers false once the signal is aborted, or where the reader is too far behind. */
  async hasMore(signal: AbortSignal): Promise<boolean> {
    while (this.waiting.length === 0 && !this.isBehind && !signal.aborted) {
      await this.bell.wait(longestTimerMs, signal);
    }
    return !this.isBehind && !signal.aborted;
  }
}
