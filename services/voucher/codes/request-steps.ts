import type { Database } from "../../platform/database/database.ts";
import { Lane, type LaneObserver, type Outcome } from "../../platform/lane.ts";
import { type Instant, now } from "../../platform/time.ts";
import { VoucherRequestNotFound } from "./domain/errors.ts";
import type { VoucherRequest } from "./domain/voucher-request.ts";
import { requestOf, selectRequests, updateRequests } from "./store/voucher-requests.ts";

/** A step for a request to take: pure, and the request itself where there is nothing to do. */
export type Step = (request: VoucherRequest, now: Instant) => VoucherRequest;

interface Stepping {
  readonly id: bigint;
  readonly step: Step;
}

/**
 * Where requests change, but for what events tell of them. Steps that are asked for at the same time are decided in turn
 * and committed together; a request is locked while its step is decided, so that of two who would have the code, by web
 * and by SMS, one comes second and sees that.
 */
export class RequestSteps {
  private readonly database: Database;
  private readonly lane: Lane<Stepping, VoucherRequest>;

  constructor(database: Database, observe?: LaneObserver) {
    this.database = database;
    this.lane = new Lane((steps, { forUpdate }) => this.commit(steps, forUpdate), { observe, database });
  }

  /** Has a request take a step; answers it as it is then. Rejects with VoucherRequestNotFound. */
  take(id: bigint, step: Step, deadline?: number): Promise<VoucherRequest> {
    return this.lane.submit({ id, step }, deadline);
  }

  private commit(steps: readonly Stepping[], forUpdate: string): Promise<Outcome<VoucherRequest>[]> {
    const { dialect } = this.database;
    const ids = [...new Set(steps.map(({ id }) => id))];
    return this.database.batch([selectRequests(ids, forUpdate)], async ([rows = []]) => {
      const requests = new Map(rows.map(requestOf).map((request) => [request.id, request]));
      const changed = new Set<bigint>();
      const at = now();
      const result = steps.map(({ id, step }): Outcome<VoucherRequest> => {
        const before = requests.get(id);
        if (!before) return { refusal: new VoucherRequestNotFound() };
        const answer = step(before, at);
        if (answer !== before) changed.add(id);
        requests.set(id, answer);
        return { answer };
      });
      const written = [...requests.values()].filter(({ id }) => changed.has(id));
      return { save: written.length > 0 ? [updateRequests(dialect, written)] : [], result };
    });
  }
}
