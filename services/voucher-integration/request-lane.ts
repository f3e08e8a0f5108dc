import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CodeFailure, CodeReceivedSchema, VoucherChannel } from "../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import type { Database, Statement } from "../platform/database/database.ts";
import { joinInserts } from "../platform/database/joined-inserts.ts";
import type { Outbox } from "../platform/events/outbox.ts";
import { type Circumstances, Lane, type LaneObserver, type Outcome as LaneOutcome } from "../platform/lane.ts";
import { type Instant, now, toTimestamp } from "../platform/time.ts";
import type { CodeRequest, Outcome, Step } from "./domain/code-request.ts";
import { requestOf, selectRequests, updateRequests } from "./store/requests.ts";

/** Something that happens to a request. */
interface Happening {
  readonly id: bigint;
  readonly step: (request: CodeRequest, now: Instant) => Step;
}

/** How many requests are written together. */
const limits = { batch: 128, waiting: 20_000 };

/**
 * Where requests change. What happens at the same time is decided in turn and committed together, each request's outcome
 * with it as an event; a request is locked while its step is decided, so that of two replicas one comes second.
 */
export class RequestLane {
  private readonly database: Database;
  private readonly outbox: Outbox;
  private readonly lane: Lane<Happening, Step>;

  constructor(database: Database, outbox: Outbox, observe?: LaneObserver) {
    this.database = database;
    this.outbox = outbox;
    const commit = (happenings: readonly Happening[], { forUpdate }: Circumstances) =>
      this.commit(happenings, forUpdate);
    this.lane = new Lane(commit, { limits, observe, database });
  }

  /** Has a request take a step, and answers what it came to; a request that is not there is left. */
  take(id: bigint, step: Happening["step"]): Promise<Step> {
    return this.lane.submit({ id, step });
  }

  private commit(happenings: readonly Happening[], forUpdate: string): Promise<LaneOutcome<Step>[]> {
    const ids = [...new Set(happenings.map(({ id }) => id))].sort((a, b) => (a < b ? -1 : 1));
    const { dialect } = this.database;
    return this.database.batch([selectRequests(ids, forUpdate)], async ([rows = []]) => {
      const requests = new Map(rows.map((row) => [row.id as bigint, requestOf(row)]));
      const changed = new Set<bigint>();
      const events: Statement[] = [];
      const present = now();
      const outcomes = happenings.map(({ id, step }): LaneOutcome<Step> => {
        const request = requests.get(id);
        if (!request) return { answer: { kind: "left" } };
        const taken = step(request, present);
        if (taken.kind === "taken") {
          requests.set(id, taken.request);
          changed.add(id);
          if (taken.outcome) events.push(this.telling(id, taken.outcome, present));
        }
        return { answer: taken };
      });
      const updated = [...changed].flatMap((id) => requests.get(id) ?? []);
      const save = updated.length > 0 ? [updateRequests(dialect, updated), ...joinInserts(events)] : [];
      return { save, result: outcomes };
    });
  }

  private telling(requestId: bigint, outcome: Outcome, receivedAt: Instant): Statement {
    const event = { requestId, receivedAt: toTimestamp(receivedAt), outcome: shapeOf(outcome) };
    return this.outbox.adding("giftmesh.voucher.receive-code", CodeReceivedSchema, create(CodeReceivedSchema, event));
  }
}

const channels = { web: VoucherChannel.WEB, sms: VoucherChannel.SMS };
const failures = { refused: CodeFailure.REFUSED, timed_out: CodeFailure.TIMED_OUT };

function shapeOf(outcome: Outcome): NonNullable<MessageInitShape<typeof CodeReceivedSchema>["outcome"]> {
  switch (outcome.kind) {
    case "code": {
      const { code, channel } = outcome;
      const { sealed, sealKeyId } = code;
      return { case: "code", value: { sealed: Uint8Array.from(sealed), sealKeyId, channel: channels[channel] } };
    }
    case "failure":
      return { case: "failure", value: failures[outcome.why] };
    default:
      return outcome satisfies never;
  }
}
