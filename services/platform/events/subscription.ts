import type { Consumer } from "./consumer.ts";
import type { Inbox } from "./inbox.ts";
import type { Retries } from "./retries.ts";
import type { Event, Subscriber } from "./transport.ts";

/** Events in one transaction. */
const mostTogether = 64;

/** Takes a consumer's events from the transport: many in one transaction, in order, and a failing one out of the way. */
export class Subscription implements Subscriber {
  readonly name: string;
  readonly subject: string;
  private readonly consumer: Consumer;
  private readonly inbox: Inbox;
  private readonly retries: Retries;

  constructor(consumer: Consumer, inbox: Inbox, retries: Retries) {
    this.name = consumer.name;
    this.subject = consumer.subject;
    this.consumer = consumer;
    this.inbox = inbox;
    this.retries = retries;
  }

  /** Rejects only where neither the effect nor the failure can be written. */
  async deliver(events: readonly Event[]): Promise<void> {
    for (let start = 0; start < events.length; start += mostTogether) {
      await this.deliverTogether(events.slice(start, start + mostTogether));
    }
  }

  /** That they are new, as they mostly are, is found out by handling them. */
  private async deliverTogether(events: readonly Event[]): Promise<void> {
    try {
      await this.inbox.handle(this.consumer, events);
    } catch (error) {
      const fresh = await this.unsettled(events);
      const [first] = fresh;
      if (!first) return;
      if (fresh.length < events.length) await this.deliverTogether(fresh);
      else if (fresh.length === 1) await this.retries.takeOver(this.name, first, error);
      else for (const event of fresh) await this.deliverTogether([event]);
    }
  }

  /** Those that have not been handled, here or by another replica, and are not being retried. */
  private async unsettled(events: readonly Event[]): Promise<Event[]> {
    const settled = await this.inbox.settled(
      this.consumer,
      events.map(({ id }) => id),
    );
    return events.filter(({ id }) => !settled.has(id));
  }
}
