import type { Logger } from "pino";
import { now } from "../platform/time.ts";
import { nextStep } from "./domain/delivery.ts";
import type { Channel, Message } from "./domain/message.ts";
import type { Messages, PendingMessage } from "./store/messages.ts";

/** A way for messages of one channel to leave. */
export interface Sender {
  /** How many messages leave at once: one more would wait for its turn, claimed, until another replica sends it too. */
  readonly atOnce: number;
  /** Resolves once the other side has taken the message. */
  send(message: Message): Promise<void>;
  close(): void;
}

/** Delivers the messages of one channel: at least once, and hardly ever more often, each tried for a day. */
export class Delivery {
  private readonly messages: Messages;
  private readonly channel: Channel;
  private readonly sender: Sender;
  private readonly log: Logger;

  constructor(messages: Messages, channel: Channel, sender: Sender, log: Logger) {
    this.messages = messages;
    this.channel = channel;
    this.sender = sender;
    this.log = log;
  }

  /** Tries every message whose time has come. */
  async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const due = await this.messages.due(this.channel, this.sender.atOnce);
      if (due.length === 0) return;
      const deliveries = await Promise.allSettled(due.map((message) => this.deliver(message)));
      for (const one of deliveries) if (one.status === "rejected") throw one.reason;
    }
  }

  private async deliver(message: PendingMessage): Promise<void> {
    if (!(await this.messages.claim(message))) return;
    try {
      await this.sender.send(message);
    } catch (error) {
      await this.afterFailure(message, error);
      return;
    }
    await this.messages.close(message, "delivered");
  }

  private async afterFailure(message: PendingMessage, error: unknown): Promise<void> {
    const attempts = message.attempts + 1;
    const at = now();
    const step = nextStep(message, attempts, at);
    const report = { err: error, messageId: String(message.id), channel: message.channel, attempts };
    switch (step.kind) {
      case "retry":
        this.log.warn(report, "a message could not be delivered and will be tried again");
        return this.messages.postpone(message, attempts, step.at - at);
      case "give_up":
        this.log.error(report, "a message could not be delivered within a day and is given up");
        return this.messages.close(message, "failed");
      default:
        return step satisfies never;
    }
  }
}
