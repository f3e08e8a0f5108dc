import type { CountryCode } from "libphonenumber-js";
import type { ContactService } from "../../../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import {
  type GetRequestedCodeRequest,
  VoucherService,
  VoucherStatus,
} from "../../../../gen/giftmesh/voucher/v1/voucher_service_pb.ts";
import type { IdSequence } from "../../../platform/ids.ts";
import { pageOf, readPaging } from "../../../platform/paging.ts";
import { readPhoneNumber } from "../../../platform/phone-number.ts";
import { Forbidden, InvalidFields, Refusal } from "../../../platform/refusal.ts";
import { isAdmin } from "../../../platform/rpc/access.ts";
import type { Call } from "../../../platform/rpc/call.ts";
import { type Client, type Served, serve } from "../../../platform/rpc/handler.ts";
import { now } from "../../../platform/time.ts";
import { VoucherRequestNotFound } from "../domain/errors.ts";
import { begin, hasCode, isToBeShown, type Patience, show, type VoucherRequest } from "../domain/voucher-request.ts";
import type { NewRequests } from "../new-requests.ts";
import type { News } from "../news.ts";
import type { RequestSteps, Step } from "../request-steps.ts";
import { type VoucherList, voucherKey } from "../store/voucher-list.ts";
import type { VoucherCodes } from "../voucher-codes.ts";
import { isTokenOf, newWatchToken } from "../watch-token.ts";
import type { Watchers } from "../watchers.ts";
import { requestedCodeShape, voucherShape } from "./voucher-shapes.ts";

const message = "Your request is being processed within 30 seconds";

/** What is left of a call's time for its answer, where it waits for news, in milliseconds. */
const answerWithinMs = 500;

export interface VoucherParts {
  readonly ids: IdSequence;
  readonly patience: Patience;
  readonly phoneRegion: CountryCode;
  readonly newRequests: NewRequests;
  readonly steps: RequestSteps;
  readonly watchers: Watchers;
  readonly news: News;
  readonly list: VoucherList;
  readonly codes: VoucherCodes;
  readonly contacts: Client<typeof ContactService>;
}

/** Voucher codes, for those who ask for them. */
export function serveVouchers(parts: VoucherParts): Served {
  const { ids, patience, phoneRegion, newRequests, steps, watchers, news, list, codes, contacts } = parts;

  const readPhone = (text: string): string => {
    const phoneNumber = readPhoneNumber(text, phoneRegion);
    if (phoneNumber !== undefined) return phoneNumber;
    const description = "The phone number must be a valid phone number.";
    throw new InvalidFields([{ field: "phone_number", description }]);
  };

  /** The request of a watch token. */
  const watched = async ({ requestId, token }: Pick<GetRequestedCodeRequest, "requestId" | "token">) => {
    const request = await watchers.find(requestId);
    if (!isTokenOf(token, request?.tokenHash) || !request) throw new VoucherRequestNotFound();
    return request;
  };

  /** What is told of a request. A code is only told once it is noted that it was; nobody is told who has gone away. */
  const tell = async (request: VoucherRequest, { cancelled, deadline }: Call) => {
    if (!hasCode(request) || !isToBeShown(request) || cancelled?.aborted) return requestedCodeShape(request, codes);
    // Throws before it is noted that it was told, where it cannot be.
    codes.open(request);
    // Whoever has waited for the request to be locked may be gone by then.
    const showUnlessGone: Step = (locked, at) => {
      const isGone = cancelled?.aborted || Date.now() >= deadline;
      return isGone ? locked : show(locked, at);
    };
    const shown = await steps.take(request.id, showUnlessGone, deadline);
    if (shown.state.kind === "sms") news.tell([shown.id]);
    return requestedCodeShape(shown, codes);
  };

  const mayList = async (phoneNumber: string, call: Call): Promise<boolean> => {
    if (isAdmin(call.caller)) return true;
    try {
      const { contacts: own } = await contacts.getContacts({ userId: call.caller.userId }, call);
      return own?.phoneNumber === phoneNumber;
    } catch (error) {
      if (error instanceof Refusal && error.kind === "not_found") return false;
      throw error;
    }
  };

  return serve(VoucherService, {
    async requestCode({ phoneNumber }, call) {
      const { token, hash: tokenHash } = newWatchToken();
      const wanted = { phoneNumber: readPhone(phoneNumber), tokenHash, id: await ids.take() };
      const request = begin(wanted, patience, now());
      const answer = { requestId: request.id, watchToken: token, status: VoucherStatus.PROCESSING, message };
      await newRequests.make(request, call, call.receipt?.settling(answer) ?? []);
      return answer;
    },

    async getRequestedCode(asked, call) {
      const request = await watched(asked);
      const until = Math.min(Date.now() + asked.wait * 1_000, call.deadline - answerWithinMs);
      const present =
        asked.wait > 0 ? await watchers.whenEnded(request, { until, cancelled: call.cancelled }) : request;
      return { requestedCode: await tell(present, call) };
    },

    async *watchRequestedCode(asked, call) {
      const request = await watched(asked);
      watchers.admit();
      const first = await tell(request, call);
      yield { requestedCode: first };
      if (first.status !== VoucherStatus.PROCESSING) return;
      const { deadline: until, cancelled } = call;
      const ended = await watchers.whenEnded(request, { until, cancelled });
      if (ended.state.kind !== "processing") yield { requestedCode: await tell(ended, call) };
    },

    async listVouchers(asked, call) {
      const paging = readPaging(asked, 2);
      const phoneNumber = readPhone(asked.phoneNumber);
      if (!(await mayList(phoneNumber, call))) throw new Forbidden();
      const { rows, pageInfo } = pageOf(paging, {
        rows: await list.list(phoneNumber, paging),
        keyOf: voucherKey,
        total: paging.kind === "page" ? await list.count(phoneNumber) : undefined,
      });
      return { vouchers: rows.map((voucher) => voucherShape(voucher, codes)), pageInfo };
    },
  });
}
