import { AckPolicy, type ConsumerMessages, type JsMsg, type NatsConnection, nanos } from "nats";
import { Bell, backoffMs, pause } from "../waiting.ts";
import type { NatsLink } from "./nats-link.ts";
import { eventOf } from "./nats-message.ts";
import type { Subscriber } from "./transport.ts";

/** The server redelivers what has not been acknowledged for so long, in milliseconds. */
const acknowledgeWithinMs = 30_000;

/** Events of one consumer, over all its replicas, that are delivered and not acknowledged. */
const mostOutstanding = 256;

/** How long one request for events stands, in milliseconds; a consumer that is gone is noticed in as long. */
const requestForMs = 10_000;

/** How soon it is tried again to have events delivered. */
const backoff = { firstMs: 500, mostMs: 5_000 };

const connectionPollMs = 50;

/** Delivers a subject's events to one subscriber, from a durable consumer that is made if it is not there. */
export class NatsSubscription {
  private readonly link: NatsLink;
  private readonly subscriber: Subscriber;
  private readonly subject: string;
  private readonly bell = new Bell();
  private received: JsMsg[] = [];

  /** `subject` is the subscriber's as this mesh has it on the server. */
  constructor(link: NatsLink, subscriber: Subscriber, subject: string) {
    this.link = link;
    this.subscriber = subscriber;
    this.subject = subject;
  }

  /** Delivers until the signal is aborted, whatever becomes of the server meanwhile. */
  async run(stopping: AbortSignal): Promise<void> {
    const { log } = this.link;
    let failures = 0;
    while (!stopping.aborted) {
      if (!this.link.isConnected) {
        await pause(connectionPollMs, stopping);
        continue;
      }
      try {
        const { connection } = this.link;
        const messages = await this.request(connection);
        failures = 0;
        await this.deliverAll(messages, Promise.race([messages.closed(), connection.closed()]), stopping);
      } catch (error) {
        failures++;
        if (failures === 1) log.warn({ err: error, consumer: this.subscriber.name }, "a consumer gets no events now");
        await pause(backoffMs(failures, backoff), stopping);
      }
    }
  }

  /** Delivers until the signal is aborted. Throws where the stream or the consumer is gone from the server. */
  private async deliverAll(messages: ConsumerMessages, gone: Promise<unknown>, stopping: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const close = () => messages.close();
    stopping.addEventListener("abort", close);
    gone.then(() => ended.abort());
    if (stopping.aborted) close();
    while (!ended.signal.aborted) {
      await this.bell.wait(requestForMs, ended.signal);
      while (this.received.length > 0 && !stopping.aborted) await this.deliver(this.received.splice(0));
    }
    stopping.removeEventListener("abort", close);
    // Another replica may have them at once.
    for (const message of this.received.splice(0)) message.nak();
    const failure = await gone;
    if (failure) throw failure;
  }

  private async request(connection: NatsConnection): Promise<ConsumerMessages> {
    const { name } = this.subscriber;
    const { stream } = this.link;
    await this.link.streamInfo();
    const manager = await connection.jetstreamManager({ checkAPI: false });
    await manager.consumers.add(stream, {
      durable_name: name,
      filter_subject: this.subject,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(acknowledgeWithinMs),
      max_ack_pending: mostOutstanding,
    });
    const consumer = await connection.jetstream().consumers.get(stream, name);
    return consumer.consume({
      max_messages: mostOutstanding,
      expires: requestForMs,
      abort_on_missing_resource: true,
      callback: (message) => {
        this.received.push(message);
        this.bell.ring();
      },
    });
  }

  private async deliver(messages: readonly JsMsg[]): Promise<void> {
    try {
      await this.subscriber.deliver(messages.map((message) => eventOf(message, this.subscriber.subject)));
      for (const message of messages) message.ack();
    } catch (error) {
      this.link.log.warn({ err: error, consumer: this.subscriber.name }, "events could not be taken and come again");
      for (const message of messages) message.nak(backoffMs(message.info.deliveryCount, backoff));
    }
  }
}
