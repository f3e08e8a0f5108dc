import type { Logger } from "pino";
import type { Worker } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { Bell, backoffMs, pause } from "../platform/waiting.ts";
import { isLate, newCode, newVerifier, type Pace, type Voucher } from "./domain/voucher.ts";
import type { Behaviours } from "./store/behaviours.ts";
import type { Vouchers } from "./store/vouchers.ts";

/** How many are on their way at once. */
const mostAtOnce = 128;

/** How long the other side may take to answer one, in milliseconds. */
const patienceMs = 5_000;

/** How long one that is on its way is nobody else's, in microseconds: it comes again where this process is killed. */
const claimedFor = 8_000_000n;

/** How long, at most, it waits for what is due, in milliseconds. */
const longestWaitMs = 1_000;

/** How long what was rung for may take to commit, in milliseconds. */
const commitMs = 10;

const backoff = { firstMs: 200, mostMs: 10_000 };

/** How long one that nobody takes is tried, in microseconds. */
const triedFor = 86_400_000_000n;

/** Answers that say "again": as what sends webhooks takes them. */
const passing: ReadonlySet<number> = new Set([408, 425, 429]);

export interface CallbacksParts {
  readonly vouchers: Vouchers;
  readonly behaviours: Behaviours;
  readonly pace: Pace;
  readonly log: Logger;
}

/** Calls back whoever was acknowledged, once the voucher is ready: until it is accepted, refused, or a day has passed. */
export class Callbacks {
  private readonly parts: CallbacksParts;
  private readonly bell = new Bell();
  private readonly underWay = new Set<Promise<void>>();

  constructor(parts: CallbacksParts) {
    this.parts = parts;
  }

  /** Says that there is something to come. */
  wake(): void {
    this.bell.ring();
  }

  get worker(): Worker {
    return { name: "call-back", everyMs: 100, alone: false, run: (stopping) => this.run(stopping) };
  }

  private async run(stopping: AbortSignal): Promise<void> {
    try {
      while (!stopping.aborted) await this.step(stopping);
    } finally {
      await Promise.all(this.underWay);
    }
  }

  private async step(stopping: AbortSignal): Promise<void> {
    const { vouchers } = this.parts;
    const free = mostAtOnce - this.underWay.size;
    const due = free > 0 ? await vouchers.claimDue(now(), now() + claimedFor, free) : [];
    for (const voucher of due) this.track(this.callBack(voucher, stopping));
    if (due.length > 0) return;
    const nextAt = await vouchers.nextDueAt();
    const waitMs = nextAt === undefined ? longestWaitMs : Number((nextAt - now()) / 1_000n);
    const rung = await this.bell.wait(Math.max(1, Math.min(waitMs, longestWaitMs)), stopping);
    if (rung) await pause(commitMs, stopping);
  }

  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error) => this.parts.log.error({ err: error }, "a callback could not be settled and comes again"))
      .finally(() => {
        this.underWay.delete(tracked);
        this.bell.ring();
      });
    this.underWay.add(tracked);
  }

  private async callBack(voucher: Voucher, stopping: AbortSignal): Promise<void> {
    const { vouchers, behaviours, pace } = this.parts;
    const [first = "", ...others] = bodiesOf(voucher, pace);
    const outcome = await send(voucher.callbackUrl, first, stopping);
    if (outcome === "again") {
      const attempts = voucher.callbackAttempts + 1;
      if (now() - voucher.readyAt >= triedFor) return vouchers.settle(voucher, "given_up");
      return vouchers.postpone(voucher, attempts, now() + BigInt(Math.ceil(backoffMs(attempts, backoff))) * 1_000n);
    }
    const repeats = outcome === "accepted" ? behaviours.current.duplicate_callbacks : 0;
    for (const body of [...Array<string>(repeats).fill(first), ...others]) {
      await send(voucher.callbackUrl, body, stopping);
    }
    return vouchers.settle(voucher, outcome);
  }
}

/** What is sent for a voucher: one, unless it is to go wrong. */
function bodiesOf(voucher: Voucher, pace: Pace): string[] {
  const late = isLate(voucher, pace);
  const content = {
    codeVerifier: voucher.verifier,
    message: late
      ? "Thank you for your patience, your voucher code is ready."
      : "Thank you for using our services, your voucher code is ready.",
    status: late ? "LATE_SUCCESS" : "SUCCESS",
    voucherCode: voucher.code,
  };
  const body = JSON.stringify(content);
  switch (voucher.misbehaviour) {
    case "wrong_verifier":
      return [JSON.stringify({ ...content, codeVerifier: newVerifier() })];
    case "malformed_callback":
      return [body.slice(0, -1)];
    case "two_codes":
      return [body, JSON.stringify({ ...content, voucherCode: newCode() })];
    default:
      return [body];
  }
}

/** Sends a callback once. It comes again where nobody answers, or only that something is wrong there. */
async function send(url: string, body: string, stopping: AbortSignal): Promise<"accepted" | "refused" | "again"> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.any([stopping, AbortSignal.timeout(patienceMs)]),
    });
    await response.body?.cancel();
    if (response.ok) return "accepted";
    return response.status >= 500 || passing.has(response.status) ? "again" : "refused";
  } catch {
    return "again";
  }
}
