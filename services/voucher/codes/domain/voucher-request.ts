import type { KeptCode } from "../../../platform/codes/kept-code.ts";
import type { Instant } from "../../../platform/time.ts";

/** Where a code is told: on the web, by whoever watches its request, or by SMS to the phone that it is for. */
export type Channel = "web" | "sms";

/** Why there is no code: the provider refuses the request, or time is up. */
export type Failure = "refused" | "timed_out";

/** How long people wait for a code, in microseconds. */
export interface Patience {
  readonly lateAfter: bigint;
  readonly giveUpAfter: bigint;
}

/** Whether the SMS with a code has left. */
export type Sending =
  | { readonly kind: "waiting"; readonly attempts: number; readonly dueAt: Instant }
  | { readonly kind: "sent"; readonly sentAt: Instant }
  | { readonly kind: "given_up"; readonly attempts: number };

/** A code that has come. */
export interface Received {
  readonly code: KeptCode;
  readonly receivedAt: Instant;
}

/** How far a request has come. A code is in one channel at a time, and in one for good once it was told there. */
export type RequestState =
  | { readonly kind: "processing" }
  | { readonly kind: "failed"; readonly failure: Failure; readonly failedAt: Instant }
  | (Received & { readonly kind: "web"; readonly shownAt: Instant | undefined })
  | (Received & { readonly kind: "sms"; readonly sending: Sending });

/** Somebody's request for a code. */
export interface VoucherRequest {
  readonly id: bigint;
  /** E.164. */
  readonly phoneNumber: string;
  /** SHA-256 of the watch token. */
  readonly tokenHash: Uint8Array;
  readonly requestedAt: Instant;
  /** From then on its code leaves by SMS, unless it was shown before. */
  readonly lateAt: Instant;
  /** From then on none is waited for. */
  readonly giveUpAt: Instant;
  readonly state: RequestState;
}

/** A request that has a code. */
export type Voucher = VoucherRequest & { readonly state: Extract<RequestState, Received> };

/** Why a request never came to a code is remembered for 30 days. */
const failuresKeptFor = 30n * 86_400_000_000n;

/** What could not be sent in a week is not tried any more: the phone's owner finds it in their list. */
const worthSendingFor = 7n * 86_400_000_000n;

/** A request as it is made. */
export function begin(
  wanted: Pick<VoucherRequest, "id" | "phoneNumber" | "tokenHash">,
  { lateAfter, giveUpAfter }: Patience,
  now: Instant,
): VoucherRequest {
  const times = { requestedAt: now, lateAt: now + lateAfter, giveUpAt: now + giveUpAfter };
  return { ...wanted, ...times, state: { kind: "processing" } };
}

/**
 * Takes a code. It is for the web where it came in time and there is time left to fetch it; one that comes after the
 * request has failed is not lost. A request that has one keeps the one that it has.
 */
export function receive(
  request: VoucherRequest,
  { code, receivedAt, channel }: Received & { readonly channel: Channel },
  now: Instant,
): VoucherRequest {
  switch (request.state.kind) {
    case "processing":
      return channel === "web" && now < request.lateAt
        ? { ...request, state: { kind: "web", code, receivedAt, shownAt: undefined } }
        : bySms(request, { code, receivedAt }, now);
    case "failed":
      return bySms(request, { code, receivedAt }, now);
    case "web":
    case "sms":
      return request;
    default:
      return request.state satisfies never;
  }
}

/** Takes the news that there will be no code; they are none to a request that has ended already. */
export function fail(request: VoucherRequest, failure: Failure, now: Instant): VoucherRequest {
  return request.state.kind === "processing"
    ? { ...request, state: { kind: "failed", failure, failedAt: now } }
    : request;
}

/** Shows the code to whoever watches, if it is for the web; where that comes too late, it is for the SMS from now on. */
export function show(request: VoucherRequest, now: Instant): VoucherRequest {
  const { state } = request;
  if (!isToBeShown(request) || state.kind !== "web") return request;
  return now < request.lateAt ? { ...request, state: { ...state, shownAt: now } } : bySms(request, state, now);
}

/** What becomes of a request by itself, at an instant. */
export function passTime(request: VoucherRequest, now: Instant): VoucherRequest {
  const dueAt = dueAtOf(request);
  if (dueAt === undefined || now < dueAt) return request;
  switch (request.state.kind) {
    case "processing":
      return fail(request, "timed_out", now);
    case "web":
      return bySms(request, request.state, now);
    case "failed":
    case "sms":
      return request;
    default:
      return request.state satisfies never;
  }
}

/** Notes that the SMS has left. */
export function noteSent(request: VoucherRequest, now: Instant): VoucherRequest {
  const { state } = request;
  if (state.kind !== "sms" || state.sending.kind !== "waiting") return request;
  return { ...request, state: { ...state, sending: { kind: "sent", sentAt: now } } };
}

/** Notes that the SMS could not be sent, and is to be tried again at an instant; after a week it is not. */
export function noteUnsent(request: VoucherRequest, dueAt: Instant, now: Instant): VoucherRequest {
  const { state } = request;
  if (state.kind !== "sms" || state.sending.kind !== "waiting") return request;
  const attempts = state.sending.attempts + 1;
  const isOver = now - state.receivedAt >= worthSendingFor;
  return {
    ...request,
    state: { ...state, sending: isOver ? { kind: "given_up", attempts } : { kind: "waiting", attempts, dueAt } },
  };
}

/** When something becomes of a request by itself; undefined: never. One that has failed is forgotten then. */
export function dueAtOf({ state, lateAt, giveUpAt }: VoucherRequest): Instant | undefined {
  switch (state.kind) {
    case "processing":
      return giveUpAt;
    case "failed":
      return state.failedAt + failuresKeptFor;
    case "web":
      return state.shownAt === undefined ? lateAt : undefined;
    case "sms":
      return undefined;
    default:
      return state satisfies never;
  }
}

/** When its SMS is to be sent; undefined where none is. */
export function sendAtOf({ state }: VoucherRequest): Instant | undefined {
  return state.kind === "sms" && state.sending.kind === "waiting" ? state.sending.dueAt : undefined;
}

/** Whether the code waits for somebody to fetch it on the web. */
export function isToBeShown({ state }: VoucherRequest): boolean {
  return state.kind === "web" && state.shownAt === undefined;
}

export function hasCode(request: VoucherRequest): request is Voucher {
  return "code" in request.state;
}

function bySms(request: VoucherRequest, { code, receivedAt }: Received, now: Instant): VoucherRequest {
  const sending = { kind: "waiting", attempts: 0, dueAt: now } as const;
  return { ...request, state: { kind: "sms", code, receivedAt, sending } };
}
