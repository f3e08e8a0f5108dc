import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { Channel } from "../../../gen/giftmesh/notification/v1/notification_pb.ts";
import type { NotificationService } from "../../../gen/giftmesh/notification/v1/notification_service_pb.ts";
import { aboutVoucher } from "../../platform/codes/about-voucher.ts";
import { Call } from "../../platform/rpc/call.ts";
import type { Client } from "../../platform/rpc/handler.ts";
import type { Worker } from "../../platform/service.ts";
import { now } from "../../platform/time.ts";
import { Bell, backoffMs } from "../../platform/waiting.ts";
import { messageWith } from "./domain/code-message.ts";
import { hasCode, noteSent, noteUnsent, type VoucherRequest } from "./domain/voucher-request.ts";
import type { News } from "./news.ts";
import type { RequestSteps } from "./request-steps.ts";
import type { VoucherRequests } from "./store/voucher-requests.ts";
import type { VoucherCodes } from "./voucher-codes.ts";

/** How many messages are on their way at once. */
const atOnce = 200;

/** How often it is looked for messages that nobody has rung for. */
const pollMs = 500;

const backoff = { firstMs: 1_000, mostMs: 60_000 };

export interface CodeMessagesParts {
  readonly requests: VoucherRequests;
  readonly steps: RequestSteps;
  readonly codes: VoucherCodes;
  readonly notifications: Client<typeof NotificationService>;
  readonly news: News;
  readonly log: Logger;
}

/**
 * Sends the codes that are for the SMS. Which those are is in their rows; each is tried until notification has taken it,
 * which takes each message once. A code is read only then, and handed over by RPC: it is in no event.
 */
export class CodeMessages {
  private readonly parts: CodeMessagesParts;
  private readonly bell = new Bell();

  constructor(parts: CodeMessagesParts) {
    this.parts = parts;
    parts.news.hear(() => this.bell.ring());
  }

  get worker(): Worker {
    return { name: "send-voucher-codes", everyMs: 1_000, alone: true, run: (signal) => this.run(signal) };
  }

  private async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      while (!stopping.aborted && (await this.sendSome()) === atOnce);
      await this.bell.wait(pollMs, stopping);
    }
  }

  /** Answers how many there were. */
  private async sendSome(): Promise<number> {
    const due = await this.parts.requests.toBeSent(now(), atOnce);
    const call = new Call({ requestId: randomUUID() });
    await Promise.all(due.map((request) => this.sendOne(request, call)));
    return due.length;
  }

  private async sendOne(request: VoucherRequest, call: Call): Promise<void> {
    try {
      await this.send(request, call);
    } catch (error) {
      return this.postpone(request, error);
    }
    await this.parts.steps.take(request.id, noteSent);
  }

  private async send(request: VoucherRequest, call: Call): Promise<void> {
    if (!hasCode(request)) return;
    const { codes, notifications } = this.parts;
    const body = messageWith(codes.open(request), request, request.state);
    const message = { id: aboutVoucher(request.id), channel: Channel.SMS, to: request.phoneNumber, body };
    await notifications.sendNotification(message, call);
  }

  private async postpone(request: VoucherRequest, error: unknown): Promise<void> {
    const { steps, log } = this.parts;
    const attempts = attemptsOf(request) + 1;
    const dueAt = now() + BigInt(Math.ceil(backoffMs(attempts, backoff) * 1_000));
    const after = await steps.take(request.id, (before, at) => noteUnsent(before, dueAt, at));
    const report = { err: error, voucherRequestId: String(request.id), attempts };
    if (isGivenUp(after)) log.error(report, "a voucher code could not be sent in a week and is given up");
    else if (attempts === 1) log.warn(report, "a voucher code cannot be sent now and waits");
  }
}

function attemptsOf({ state }: VoucherRequest): number {
  return state.kind === "sms" && state.sending.kind === "waiting" ? state.sending.attempts : 0;
}

function isGivenUp({ state }: VoucherRequest): boolean {
  return state.kind === "sms" && state.sending.kind === "given_up";
}
