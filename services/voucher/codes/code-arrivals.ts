import {
  CodeFailure,
  type CodeReceived,
  CodeReceivedSchema,
  VoucherChannel,
} from "../../../gen/giftmesh/voucher/v1/voucher_events_pb.ts";
import type { Database, Session, Statement } from "../../platform/database/database.ts";
import { type Consumer, consume } from "../../platform/events/consumer.ts";
import { type Instant, now, toInstant } from "../../platform/time.ts";
import { VoucherRequestNotFound } from "./domain/errors.ts";
import { fail, receive, type VoucherRequest } from "./domain/voucher-request.ts";
import type { News } from "./news.ts";
import { updateRequests, type VoucherRequests } from "./store/voucher-requests.ts";
import type { VoucherCodes } from "./voucher-codes.ts";

export interface CodeArrivalsParts {
  readonly database: Database;
  readonly requests: VoucherRequests;
  readonly codes: VoucherCodes;
  readonly news: News;
}

/** Takes what becomes of requests at the provider's. */
export class CodeArrivals {
  private readonly parts: CodeArrivalsParts;

  constructor(parts: CodeArrivalsParts) {
    this.parts = parts;
  }

  get consumer(): Consumer {
    return consume({
      name: "voucher-code",
      subject: "giftmesh.voucher.receive-code",
      message: CodeReceivedSchema,
      handleTogether: (events, session) => this.take(events, session),
      committed: (events) => this.parts.news.tell(events.map(({ requestId }) => requestId)),
    });
  }

  /** Throws for a request that is not there, which an operator is to see. */
  private async take(events: readonly CodeReceived[], session: Session): Promise<readonly Statement[]> {
    const { database, requests } = this.parts;
    const ids = [...new Set(events.map(({ requestId }) => requestId))];
    const before = new Map((await requests.lock(session, ids)).map((request) => [request.id, request]));
    const after = new Map(before);
    const at = now();
    for (const event of events) {
      const request = after.get(event.requestId);
      if (!request) throw new VoucherRequestNotFound();
      after.set(request.id, this.apply(request, event, at));
    }
    const changed = [...after.values()].filter((request) => before.get(request.id) !== request);
    return changed.length > 0 ? [updateRequests(database.dialect, changed)] : [];
  }

  private apply(request: VoucherRequest, { outcome, receivedAt }: CodeReceived, at: Instant): VoucherRequest {
    switch (outcome.case) {
      case "code": {
        const code = this.parts.codes.keep(request.id, outcome.value);
        const channel = outcome.value.channel === VoucherChannel.WEB ? "web" : "sms";
        return receive(request, { code, channel, receivedAt: receivedAt ? toInstant(receivedAt) : at }, at);
      }
      case "failure":
        return fail(request, outcome.value === CodeFailure.TIMED_OUT ? "timed_out" : "refused", at);
      case undefined:
        throw new Error("An event says nothing of what has become of a request, or a newer version's words");
      default:
        return outcome satisfies never;
    }
  }
}
