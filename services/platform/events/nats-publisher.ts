import { createInbox, type Msg, type NatsConnection } from "nats";
import type { NatsLink } from "./nats-link.ts";
import { headersOf } from "./nats-message.ts";
import type { Event } from "./transport.ts";

/** How long the server may take to say that it has events, in milliseconds. */
const confirmWithinMs = 2_000;

const noResponders = 503;

type Confirmation = PromiseSettledResult<undefined>;

const hasArrived: Confirmation = { status: "fulfilled", value: undefined };

/** Events that were published together, as far as the server has said what became of them. */
interface Window {
  readonly confirmations: (Confirmation | undefined)[];
  unconfirmed: number;
  readonly end: () => void;
}

/**
 * Gives events to JetStream, which confirms each. They wait for that together, with one timer and one subscription: a
 * request for each, as the library has it, takes several times as long.
 */
export class NatsPublisher {
  private readonly link: NatsLink;
  private readonly inbox = createInbox();
  private readonly windows = new Map<string, Window>();
  private lastWindow = 0;

  constructor(link: NatsLink) {
    this.link = link;
    link.whenConnected((connection) => {
      connection.subscribe(`${this.inbox}.>`, { callback: (error, message) => !error && this.confirm(message) });
    });
  }

  /** Publishes events in order, each on its subject: says of each whether it has arrived. Throws where there is no server. */
  async publish(messages: readonly (readonly [subject: string, event: Event])[]): Promise<Confirmation[]> {
    const { connection } = this.link;
    const name = String(++this.lastWindow);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const window: Window = { confirmations: [], unconfirmed: messages.length, end };
    this.windows.set(name, window);
    for (const [index, [subject, event]] of messages.entries()) {
      this.send(connection, window, index, { subject, event, reply: `${this.inbox}.${name}.${index}` });
    }
    const timer = setTimeout(end, confirmWithinMs);
    if (window.unconfirmed > 0) await ended;
    clearTimeout(timer);
    this.windows.delete(name);
    return messages.map(
      (_, index) => window.confirmations[index] ?? failed(new Error("NATS has not confirmed an event")),
    );
  }

  private send(
    connection: NatsConnection,
    window: Window,
    index: number,
    { subject, event, reply }: { readonly subject: string; readonly event: Event; readonly reply: string },
  ): void {
    try {
      connection.publish(subject, event.payload, { headers: headersOf(event), reply });
    } catch (error) {
      settle(window, index, failed(error));
    }
  }

  private confirm(message: Msg): void {
    const [name = "", index = ""] = message.subject.slice(this.inbox.length + 1).split(".");
    const window = this.windows.get(name);
    if (window) settle(window, Number(index), confirmationIn(message));
  }
}

function settle(window: Window, index: number, confirmation: Confirmation): void {
  if (window.confirmations[index]) return;
  window.confirmations[index] = confirmation;
  window.unconfirmed--;
  if (window.unconfirmed === 0) window.end();
}

/** What the server says of an event (NATS ADR-1): where it stands in which stream, or why it does not. */
function confirmationIn(message: Msg): Confirmation {
  if (message.headers?.code === noResponders) return failed(new Error("No stream of NATS takes an event"));
  const { stream, error } = message.json<{ stream?: string; error?: { description?: string } }>();
  return stream === undefined || error
    ? failed(new Error(`NATS has refused an event: ${error?.description}`))
    : hasArrived;
}

function failed(reason: unknown): Confirmation {
  return { status: "rejected", reason };
}
