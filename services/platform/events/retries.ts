import type { Logger } from "pino";
import { now } from "../time.ts";
import { type Backoff, Bell, backoffMs } from "../waiting.ts";
import type { Consumer } from "./consumer.ts";
import type { FailedEvent, FailedEvents } from "./failed-events.ts";
import type { Inbox } from "./inbox.ts";
import type { Event } from "./transport.ts";

/** How often a failing event is tried, and how the pauses between grow. */
export interface RetryPolicy extends Backoff {
  readonly attempts: number;
}

/** An event is dead about a minute after its first failure. */
export const defaultRetryPolicy: RetryPolicy = { attempts: 10, firstMs: 100, mostMs: 30_000 };

/** How often it is looked for what another process has left behind. */
const pollMs = 1_000;

const mostErrorLength = 1_000;

/**
 * Tries the events again that consumers have failed on, each in its own time, so that they hold up no others. One that
 * has failed too often is a dead letter, and waits for an operator.
 */
export class Retries {
  private readonly failedEvents: FailedEvents;
  private readonly inbox: Inbox;
  private readonly policy: RetryPolicy;
  private readonly log: Logger;
  private readonly consumers = new Map<string, Consumer>();
  private readonly bell = new Bell();

  constructor(failedEvents: FailedEvents, inbox: Inbox, policy: RetryPolicy, log: Logger) {
    this.failedEvents = failedEvents;
    this.inbox = inbox;
    this.policy = policy;
    this.log = log;
  }

  register(consumer: Consumer): void {
    this.consumers.set(consumer.name, consumer);
  }

  /** Takes over an event that its consumer has failed on for the first time. */
  async takeOver(consumer: string, event: Event, error: unknown): Promise<void> {
    const fresh = { consumer, event, error: "", attempts: 0, nextAttemptAt: 0n, deadAt: 0n };
    const failed = this.afterFailure(fresh, error);
    await this.failedEvents.keep(failed);
    this.ringFor(failed);
  }

  /** Tries what is due, until the signal is aborted. */
  async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      try {
        for (const failed of await this.failedEvents.due()) {
          if (!stopping.aborted && (await this.failedEvents.claim(failed))) await this.retry(failed);
        }
      } catch (error) {
        this.log.warn({ err: error }, "failed events cannot be tried again now");
      }
      await this.bell.wait(pollMs, stopping);
    }
  }

  /** Hands an event to its consumer once more. Answers whether it has had its effect; if so, its story ends. */
  async retry(failed: FailedEvent): Promise<boolean> {
    try {
      const consumer = this.consumers.get(failed.consumer);
      if (!consumer) throw new Error(`There is no consumer ${failed.consumer}`);
      await this.inbox.handle(consumer, [failed.event], [this.failedEvents.forgetting(failed)]);
      return true;
    } catch (error) {
      if (await this.inbox.hasHandled(failed.consumer, failed.event.id)) {
        await this.failedEvents.forget(failed);
        return true;
      }
      const again = this.afterFailure(failed, error);
      await this.failedEvents.note(again);
      this.ringFor(again);
      return false;
    }
  }

  private afterFailure(failed: FailedEvent, reason: unknown): FailedEvent {
    const { consumer, event } = failed;
    const attempts = failed.attempts + 1;
    const isDead = failed.deadAt > 0n || attempts >= this.policy.attempts;
    const report = { err: reason, consumer, eventId: event.id, requestId: event.requestId, attempts };
    if (isDead) this.log.error(report, "a consumer failed on an event too often: it is a dead letter");
    else this.log.warn(report, "a consumer failed on an event and will be given it again");
    return {
      consumer,
      event,
      error: String(reason).slice(0, mostErrorLength),
      attempts,
      nextAttemptAt: now() + BigInt(Math.ceil(backoffMs(attempts, this.policy))) * 1_000n,
      deadAt: failed.deadAt || (isDead ? now() : 0n),
    };
  }

  private ringFor({ nextAttemptAt, deadAt }: FailedEvent): void {
    if (deadAt > 0n) return;
    // Timers may be a little early.
    setTimeout(() => this.bell.ring(), Math.max(0, Number(nextAttemptAt - now()) / 1_000) + 2).unref();
  }
}
