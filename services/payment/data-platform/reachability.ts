import type { Logger } from "pino";
import { type Backoff, backoffMs } from "../../platform/waiting.ts";
import type { Answer } from "./delivery.ts";

/** How soon a platform that is away is asked again. */
export const usualBackoff: Backoff = { firstMs: 500, mostMs: 30_000 };

/**
 * Whether the platform can be had at all. While it cannot, everything waits, so that an outage does not use up the
 * attempts of all that is on its way.
 */
export class Reachability {
  private readonly backoff: Backoff;
  private readonly log: Logger;
  private failures = 0;
  /** By a clock that is never set, in milliseconds. */
  private awayUntil = 0;

  constructor(backoff: Backoff, log: Logger) {
    this.backoff = backoff;
    this.log = log;
  }

  /** Whether the platform answered when it was last asked. */
  get isThere(): boolean {
    return this.failures === 0;
  }

  /** How long not to ask it, in milliseconds. */
  get pauseMs(): number {
    return Math.max(0, this.awayUntil - performance.now());
  }

  /** Takes note of how an attempt was answered. */
  note(answer: Answer): void {
    switch (answer.kind) {
      case "taken":
      case "refused":
        if (!this.isThere) this.log.info("the data platform is there again");
        this.failures = 0;
        this.awayUntil = 0;
        return;
      case "overloaded":
      case "unreachable":
        // Attempts that were under way at the same time fail of the same.
        if (this.pauseMs > 0) return;
        this.failures++;
        this.awayUntil = performance.now() + backoffMs(this.failures, this.backoff);
        if (this.failures > 1) return;
        this.log.warn({ error: answer.error }, "the data platform cannot be had now; what is for it waits");
        return;
      default:
        answer satisfies never;
    }
  }
}
