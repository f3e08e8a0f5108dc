import type { Logger } from "pino";
import { Lane } from "../../platform/lane.ts";
import { longestTimerMs } from "../../platform/rpc/call.ts";
import { TooManyWatchers } from "./domain/errors.ts";
import type { VoucherRequest } from "./domain/voucher-request.ts";
import type { News } from "./news.ts";
import type { VoucherRequests } from "./store/voucher-requests.ts";

/** How many may watch in one process. */
const mostWatchers = 10_000;

/** How often it is looked for what was told and not heard, in milliseconds. */
const pollMs = 1_000;

/** Requests that are looked at in one query. */
const mostTogether = 1_000;

/** Until when somebody watches. */
export interface Waiting {
  /** In milliseconds since 1970; Infinity for as long as it takes. */
  readonly until: number;
  readonly cancelled: AbortSignal | undefined;
}

type Tell = (request: VoucherRequest) => void;

export interface WatchersParts {
  readonly requests: Pick<VoucherRequests, "find" | "findEnded">;
  readonly news: News;
  readonly log: Logger;
  /** As many as may watch; `mostWatchers` where unset. */
  readonly most?: number;
}

/**
 * Those who wait for their requests' codes. They are woken by what is told of the requests, and their rows read together:
 * one query for all that were told of while the last one was under way. What is told may get lost, so now and then one
 * query looks for all.
 */
export class Watchers {
  private readonly parts: WatchersParts;
  private readonly most: number;
  private readonly reading: Lane<bigint, VoucherRequest | undefined>;
  private readonly watching = new Map<bigint, Set<Tell>>();
  private readonly told = new Set<bigint>();
  /** How to end the waiting of each who watches. */
  private readonly ends = new Set<() => void>();
  private isLooking = false;
  private polling: NodeJS.Timeout | undefined;
  private watchers = 0;

  constructor(parts: WatchersParts) {
    this.parts = parts;
    this.most = parts.most ?? mostWatchers;
    this.reading = new Lane((ids) => this.readAll(ids));
    parts.news.hear((requestIds) => this.hear(requestIds));
  }

  /** How many watch now. */
  get count(): number {
    return this.watchers;
  }

  /** A request as it is; undefined where there is none. Those that are asked for at once are read together. */
  find(requestId: bigint): Promise<VoucherRequest | undefined> {
    return this.reading.submit(requestId);
  }

  /** Throws TooManyWatchers where no more may watch. */
  admit(): void {
    if (this.watchers >= this.most) throw new TooManyWatchers();
  }

  /** A request once it is not waited for any more, or as it is when the waiting ends. Rejects with TooManyWatchers. */
  async whenEnded(request: VoucherRequest, { until, cancelled }: Waiting): Promise<VoucherRequest> {
    if (request.state.kind !== "processing") return request;
    this.admit();
    const { id: requestId } = request;
    const { promise: ended, resolve: tell } = Promise.withResolvers<VoucherRequest>();
    const over = Promise.withResolvers<undefined>();
    const end = () => over.resolve(undefined);
    const timer = setTimeout(end, Math.min(until - Date.now(), longestTimerMs));
    cancelled?.addEventListener("abort", end);
    if (cancelled?.aborted) end();
    this.ends.add(end);
    this.add(requestId, tell);
    try {
      // Watched from before it is read again, so that nothing falls between the two.
      const present = (await this.find(requestId)) ?? request;
      if (present.state.kind !== "processing") return present;
      return (await Promise.race([ended, over.promise])) ?? present;
    } finally {
      this.remove(requestId, tell);
      clearTimeout(timer);
      cancelled?.removeEventListener("abort", end);
      this.ends.delete(end);
    }
  }

  /** Ends the waiting of all who still watch. */
  stop(): void {
    for (const end of this.ends) end();
  }

  private add(requestId: bigint, tell: Tell): void {
    const others = this.watching.get(requestId);
    if (others) others.add(tell);
    else this.watching.set(requestId, new Set([tell]));
    this.watchers++;
    this.polling ??= setInterval(() => this.hear(this.watching.keys()), pollMs);
  }

  private remove(requestId: bigint, tell: Tell): void {
    const all = this.watching.get(requestId);
    all?.delete(tell);
    if (all?.size === 0) this.watching.delete(requestId);
    if (--this.watchers > 0) return;
    clearInterval(this.polling);
    this.polling = undefined;
  }

  private hear(requestIds: Iterable<bigint>): void {
    for (const requestId of requestIds) if (this.watching.has(requestId)) this.told.add(requestId);
    if (!this.isLooking) void this.look();
  }

  private async look(): Promise<void> {
    this.isLooking = true;
    while (this.told.size > 0) {
      const ids = [...this.told].slice(0, mostTogether);
      for (const id of ids) this.told.delete(id);
      try {
        for (const request of await this.parts.requests.findEnded(ids)) {
          for (const tell of this.watching.get(request.id) ?? []) tell(request);
        }
      } catch (error) {
        this.parts.log.warn({ err: error }, "requests that are watched cannot be read now");
      }
    }
    this.isLooking = false;
  }

  private async readAll(ids: readonly bigint[]) {
    const found = new Map((await this.parts.requests.find([...new Set(ids)])).map((request) => [request.id, request]));
    return ids.map((id) => ({ answer: found.get(id) }));
  }
}
