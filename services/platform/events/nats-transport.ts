import { Listeners } from "./listeners.ts";
import { NatsLink, type NatsOptions } from "./nats-link.ts";
import { NatsPublisher } from "./nats-publisher.ts";
import { NatsSubscription } from "./nats-subscription.ts";
import type { Event, EventTransport, Subscriber, TransportState } from "./transport.ts";

/** The transport over NATS JetStream: one stream for the mesh, one durable consumer for each subscriber's name. */
export class NatsTransport implements EventTransport {
  private readonly link: NatsLink;
  private readonly listeners = new Listeners();
  private readonly publisher: NatsPublisher;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>[] = [];

  /** Connects in its own time: a mesh comes up without its broker, and events wait in the outboxes. */
  constructor(options: NatsOptions) {
    this.link = new NatsLink(options);
    this.publisher = new NatsPublisher(this.link);
  }

  async publish(events: readonly Event[]): Promise<PromiseSettledResult<unknown>[]> {
    return this.publisher.publish(events.map((event) => [this.onServer(event.subject), event]));
  }

  subscribe(subscriber: Subscriber): void {
    const subscription = new NatsSubscription(this.link, subscriber, this.onServer(subscriber.subject));
    this.running.push(subscription.run(this.stopping.signal));
  }

  async state(): Promise<TransportState> {
    const { connections } = this.link;
    const { created } = await this.link.streamInfo();
    return { store: created, connections };
  }

  signal(channel: string, payload: Uint8Array): void {
    // The server does not send it back to the connection that it came by.
    this.listeners.signal(channel, payload);
    try {
      this.link.connection.publish(this.signalSubject(channel), payload);
    } catch {
      // Whoever is to know looks by themselves, a little later.
    }
  }

  onSignal(channel: string, heard: (payload: Uint8Array) => void): void {
    this.listeners.add(channel, heard);
    this.link.whenConnected((connection) => {
      connection.subscribe(this.signalSubject(channel), {
        callback: (error, message) => {
          if (!error) heard(message.data);
        },
      });
    });
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
    await this.link.close();
  }

  /** Another mesh on the same server has other subjects. */
  private onServer(subject: string): string {
    return subject.replace(/^giftmesh\./, `${this.link.prefix}.`);
  }

  /** Not one of the stream's. */
  private signalSubject(channel: string): string {
    return `${this.link.prefix}-signal.${channel}`;
  }
}
