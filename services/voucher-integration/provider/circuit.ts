import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  CountBreaker,
  circuitBreaker,
  handleWhenResult,
  type IBackoff,
} from "cockatiel";
import type { Logger } from "pino";
import type { ProviderAnswer } from "../domain/provider-answer.ts";

/** It opens when more than four fifths of the last 20 answers, of 10 at least, were failures. */
const breaking = { threshold: 0.8, size: 20, minimumNumberOfCalls: 10 };

/** How long a circuit stays open before one request tries whether it may close, in milliseconds. */
const usualPauseMs = 2_000;

/** What has come of asking; `unasked` where the circuit has opened just before. */
export type AskingOutcome = ProviderAnswer | { readonly kind: "unasked" };

/** Keeps a provider that fails from being asked again and again: it is left alone for a while, then tried with one request. */
export class Circuit {
  private readonly breaker: CircuitBreakerPolicy;
  /** By a clock that is never set, in milliseconds. */
  private opensUntil = 0;

  constructor(log: Logger, pauseMs = usualPauseMs) {
    const failures = handleWhenResult((answer) => (answer as ProviderAnswer).kind === "failed");
    const halfOpenAfter = pausingWhile(() => this.pauseMs > 0);
    this.breaker = circuitBreaker(failures, { halfOpenAfter, breaker: new CountBreaker(breaking) });
    this.breaker.onBreak((reason) => {
      this.opensUntil = performance.now() + pauseMs;
      const why = "value" in reason ? (reason.value as { why?: string }).why : undefined;
      log.warn({ why }, "the voucher provider fails and is left alone for a while");
    });
    this.breaker.onReset(() => log.info("the voucher provider answers again"));
  }

  /** Whether the provider may be asked for as much as there is; where not, one request at a time tries it. */
  get isClosed(): boolean {
    return this.breaker.state === CircuitState.Closed;
  }

  /** How long it is not to be asked at all, in milliseconds. */
  get pauseMs(): number {
    return this.breaker.state === CircuitState.Open ? Math.max(0, this.opensUntil - performance.now()) : 0;
  }

  async run(ask: () => Promise<ProviderAnswer>): Promise<AskingOutcome> {
    try {
      return await this.breaker.execute(ask);
    } catch (error) {
      if (error instanceof BrokenCircuitError) return { kind: "unasked" };
      throw error;
    }
  }
}

/** A pause that lasts while something holds: the breaker itself reckons by a clock that may be set back. */
function pausingWhile(holds: () => boolean): IBackoff<unknown> {
  return {
    get duration() {
      return holds() ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    },
    next() {
      return this;
    },
  };
}
