import type { Worker } from "../platform/service.ts";
import { now } from "../platform/time.ts";
import { giveUp } from "./domain/code-request.ts";
import type { RequestLane } from "./request-lane.ts";
import type { Requests } from "./store/requests.ts";

/** How many are seen to at a time. */
const atOnce = 500;

/** Lets requests fail whose time is up, whatever the provider does. */
export class GivingUp {
  private readonly requests: Requests;
  private readonly lane: RequestLane;

  constructor(requests: Requests, lane: RequestLane) {
    this.requests = requests;
    this.lane = lane;
  }

  get worker(): Worker {
    return { name: "give-up", everyMs: 500, alone: false, run: (stopping) => this.run(stopping) };
  }

  private async run(stopping: AbortSignal): Promise<void> {
    for (let found = atOnce; found === atOnce && !stopping.aborted; ) {
      const ids = await this.requests.timedOut(now(), atOnce);
      await Promise.all(ids.map((id) => this.lane.take(id, giveUp)));
      found = ids.length;
    }
  }
}
