import type { Logger } from "pino";
import { now } from "../platform/time.ts";
import { nextStep } from "./domain/delivery.ts";
import type { Channel, Message } from "./domain/message.ts";
import type { Messages, PendingMessage } from "./store/messages.ts";

/** A way for messages of one channel to leave. */
export interface Sender {
  /** Resolves once the other side has taken the message. */
  send(message: Message): Promise<void>;
  close(): void;
}

/** Where messages leave, by channel; those of a channel that is not there are kept. */
export type Senders = Readonly<Partial<Record<Channel, Sender>>>;

/** Messages that are on their way out at once. */
const mostAtOnce = 16;

/** Delivers messages: at least once, and hardly ever more often, each tried for a day. */
export class Delivery {
  private readonly messages: Messages;
  private readonly senders: Senders;
  private readonly log: Logger;

  constructor(messages: Messages, senders: Senders, log: Logger) {
    this.messages = messages;
    this.senders = senders;
    this.log = log;
  }

  /** Tries every message whose time has come. */
  async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const due = await this.messages.due(mostAtOnce);
      if (due.length === 0) return;
      await Promise.all(due.map((message) => this.deliver(message)));
    }
  }

  private async deliver(message: PendingMessage): Promise<void> {
    if (!(await this.messages.claim(message))) return;
    try {
      const sender = this.senders[message.channel];
      if (!sender) throw new Error(`There is no server for ${message.channel} any more`);
      await sender.send(message);
    } catch (error) {
      await this.afterFailure(message, error);
      return;
    }
    await this.messages.close(message, "delivered");
  }

  private async afterFailure(message: PendingMessage, error: unknown): Promise<void> {
    const attempts = message.attempts + 1;
    const step = nextStep(message, attempts, now());
    const report = { err: error, messageId: String(message.id), channel: message.channel, attempts };
    switch (step.kind) {
      case "retry":
        this.log.warn(report, "a message could not be delivered and will be tried again");
        return this.messages.postpone(message, attempts, step.at);
      case "give_up":
        this.log.error(report, "a message could not be delivered within a day and is given up");
        return this.messages.close(message, "failed");
      default:
        return step satisfies never;
    }
  }
}
