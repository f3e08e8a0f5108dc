import { Listeners } from "./listeners.ts";
import type { Event, EventTransport, Subscriber, TransportState } from "./transport.ts";

/**
 * The transport without a broker: the relay's events go straight to the consumers of this process, and have arrived once
 * all of them have committed. Everything that is to be redelivered is in the outboxes.
 */
export class InProcessTransport implements EventTransport {
  private readonly subscribers = new Map<string, Subscriber[]>();
  private readonly listeners = new Listeners();
  private inUse = false;
  private closed = false;

  async publish(events: readonly Event[]): Promise<PromiseSettledResult<unknown>[]> {
    this.inUse = true;
    if (this.closed) return Promise.allSettled(events.map(() => Promise.reject(new Error("The transport is closed"))));
    const bySubject = Map.groupBy(events, (event) => event.subject);
    const deliveries = new Map(
      [...bySubject].map(([subject, ofSubject]) => [subject, this.deliverAll(subject, ofSubject)] as const),
    );
    return Promise.allSettled(events.map((event) => deliveries.get(event.subject)));
  }

  /** Throws once events have been published: a subscriber that comes later would have missed them. */
  subscribe(subscriber: Subscriber): void {
    if (this.inUse) throw new Error(`${subscriber.name} subscribes after events have been published`);
    const known = this.subscribers.get(subscriber.subject) ?? [];
    this.subscribers.set(subscriber.subject, [...known, subscriber]);
  }

  async state(): Promise<TransportState> {
    return { store: "in-process", connections: 0 };
  }

  signal(channel: string, payload: Uint8Array): void {
    this.listeners.signal(channel, payload);
  }

  onSignal(channel: string, heard: (payload: Uint8Array) => void): void {
    this.listeners.add(channel, heard);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  private async deliverAll(subject: string, events: readonly Event[]): Promise<void> {
    const subscribers = this.subscribers.get(subject) ?? [];
    const delivered = await Promise.allSettled(subscribers.map((subscriber) => subscriber.deliver(events)));
    for (const one of delivered) if (one.status === "rejected") throw one.reason;
  }
}
