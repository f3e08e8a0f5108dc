import type { Worker } from "../../platform/service.ts";
import { now } from "../../platform/time.ts";
import { passTime } from "./domain/voucher-request.ts";
import type { News } from "./news.ts";
import type { RequestSteps } from "./request-steps.ts";
import type { VoucherRequests } from "./store/voucher-requests.ts";

/** How many requests are seen to at a time, and how many times in one run. */
const atOnce = 500;
const mostRounds = 20;

/** How often it is looked for them: so much later than it should a code leaves by SMS. */
const everyMs = 100;

export interface DueRequestsParts {
  readonly requests: VoucherRequests;
  readonly steps: RequestSteps;
  readonly news: News;
}

/**
 * Sees to what becomes of requests by themselves: a code that nobody has fetched in time is for the SMS, a request whose
 * time is up has failed, and one that has failed long ago is forgotten. Replicas may do so at once.
 */
export class DueRequests {
  private readonly parts: DueRequestsParts;

  constructor(parts: DueRequestsParts) {
    this.parts = parts;
  }

  get worker(): Worker {
    return { name: "see-to-due-requests", everyMs, alone: false, run: (signal) => this.seeToAll(signal) };
  }

  /** Sees to those that are due now. */
  async seeToAll(stopping: AbortSignal): Promise<void> {
    for (let round = 1; round <= mostRounds && !stopping.aborted; round++) {
      if ((await this.seeToSome()) < atOnce) return;
    }
  }

  private async seeToSome(): Promise<number> {
    const { requests, steps, news } = this.parts;
    const at = now();
    const due = await requests.due(at, atOnce);
    const [old, others] = [
      due.filter(({ state }) => state.kind === "failed"),
      due.filter(({ state }) => state.kind !== "failed"),
    ];
    if (old.length > 0)
      await requests.forgetFailed(
        old.map(({ id }) => id),
        at,
      );
    await Promise.all(others.map(({ id }) => steps.take(id, passTime)));
    news.tell(others.map(({ id }) => id));
    return due.length;
  }
}
