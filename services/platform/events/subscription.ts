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

  private async deliverTogether(events: readonly Event[]): Promise<void> {
    const fresh = await this.unsettled(events);
    if (fresh.length === 0) return;
    try {
      await this.inbox.handle(this.consumer, fresh);
    } catch (error) {
      if (fresh.length === 1) await this.giveAway(fresh, error);
      else for (const event of fresh) await this.deliverTogether([event]);
    }
  }

  private async giveAway([event]: readonly Event[], error: unknown): Promise<void> {
    // Another replica may have been given the same event, and been first.
    if (!event || (await this.inbox.hasHandled(this.name, event.id))) return;
    await this.retries.takeOver(this.name, event, error);
  }

  /** Those that have not been handled and are not being retried, each once. */
  private async unsettled(events: readonly Event[]): Promise<Event[]> {
    const byId = new Map(events.map((event) => [event.id, event]));
    const settled = await this.inbox.settled(this.consumer, [...byId.keys()]);
    return [...byId.values()].filter((event) => !settled.has(event.id));
  }
}
