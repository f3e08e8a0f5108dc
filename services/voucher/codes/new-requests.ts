import { CodeRequestedSchema } from "../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import type { Database, Statement } from "../../platform/database/database.ts";
import { joinInserts } from "../../platform/database/joined-inserts.ts";
import type { Outbox } from "../../platform/events/outbox.ts";
import { Lane, type LaneObserver, type Outcome } from "../../platform/lane.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { toTimestamp } from "../../platform/time.ts";
import type { VoucherRequest } from "./domain/voucher-request.ts";
import { insertRequests, type VoucherRequests } from "./store/voucher-requests.ts";

/** A request to be made, and what else is to be written with it. */
interface NewRequest {
  readonly request: VoucherRequest;
  readonly call: Call;
  readonly beside: readonly Statement[];
  /** A commit of it was tried before: it may have gone through though the answer was lost. */
  wasTried: boolean;
}

export interface NewRequestsParts {
  readonly database: Database;
  readonly requests: VoucherRequests;
  readonly outbox: Outbox;
  readonly observe?: LaneObserver;
}

/** Makes requests: those that come together are written together, each with the event that asks for its code. */
export class NewRequests {
  private readonly parts: NewRequestsParts;
  private readonly lane: Lane<NewRequest, undefined>;

  constructor(parts: NewRequestsParts) {
    const { database, observe } = parts;
    this.parts = parts;
    this.lane = new Lane((made) => this.commit(made), { observe, database });
  }

  /** Resolves once the request, and what is to be written beside it, is there for good. */
  make(request: VoucherRequest, call: Call, beside: readonly Statement[]): Promise<undefined> {
    return this.lane.submit({ request, call, beside, wasTried: false }, call.deadline);
  }

  private async commit(made: readonly NewRequest[]): Promise<Outcome<undefined>[]> {
    const present = await this.presentAmong(made.filter(({ wasTried }) => wasTried));
    for (const one of made) one.wasTried = true;
    const missing = made.filter(({ request }) => !present.has(request.id));
    if (missing.length > 0) {
      await this.parts.database.commit([
        insertRequests(missing.map(({ request }) => request)),
        ...joinInserts(missing.map((one) => this.asking(one))),
        ...joinInserts(missing.flatMap(({ beside }) => beside)),
      ]);
    }
    return made.map(() => ({ answer: undefined }));
  }

  private asking({ request: { id: requestId, phoneNumber, requestedAt }, call }: NewRequest): Statement {
    const event = { requestId, phoneNumber, requestedAt: toTimestamp(requestedAt) };
    return this.parts.outbox.adding("giftmesh.voucher.request-code", CodeRequestedSchema, event, call);
  }

  private async presentAmong(tried: readonly NewRequest[]): Promise<ReadonlySet<bigint>> {
    if (tried.length === 0) return new Set();
    const found = await this.parts.requests.find(tried.map(({ request }) => request.id));
    return new Set(found.map(({ id }) => id));
  }
}
