import type { KeptCode } from "../../platform/codes/kept-code.ts";
import type { Instant } from "../../platform/time.ts";
import { isSame } from "./proof.ts";

/** How long one that was acknowledged is left alone, in milliseconds, before it is asked for again: at most. */
const mostLeftAloneMs = 120_000;

/**
 * ```
 * waiting ──acknowledge──▶ acknowledged
 *    │ │                     │      │
 *    │ └────receive──────────┴──▶ received
 *    └──refuse, give up──────┴give up──▶ failed
 * ```
 *
 * Nothing leaves `received` or `failed`.
 */
export type RequestState = "waiting" | "acknowledged" | "received" | "failed";

/** Somebody's wish for a voucher code, as it stands with the provider. */
export interface CodeRequest {
  /** As the voucher service numbers it. */
  readonly id: bigint;
  /** E.164. */
  readonly phoneNumber: string;
  readonly requestedAt: Instant;
  /** From then on there is no code any more. */
  readonly givesUpAt: Instant;
  readonly state: RequestState;
  /** What the provider was told to call back when it was first asked: asked again, it is asked the same. */
  readonly callbackUrl: string | undefined;
  /** What the provider has acknowledged it with, by S256; never changed. */
  readonly challenge: string | undefined;
  /** An HMAC of the code that was received: the same code is known by it again. */
  readonly codeKey: Uint8Array | undefined;
  /** Failed ones, before it was acknowledged. */
  readonly attempts: number;
  /** When the provider is to be asked next, or is asked again where nothing is heard of whoever asks now. */
  readonly dueAt: Instant;
  /** Who asks the provider now, or was the last to. */
  readonly lease: string;
  /** When it was received or failed. */
  readonly settledAt: Instant | undefined;
}

/** What of a code is handed on, and to tell it from another: nobody without the keys can read it. */
export type HandedCode = Pick<KeptCode, "searchKey" | "sealed" | "sealKeyId">;

/** What whoever wants the code is to hear. */
export type Outcome =
  | { readonly kind: "code"; readonly code: HandedCode; readonly channel: "web" | "sms" }
  | { readonly kind: "failure"; readonly why: FailureKind };

export type FailureKind = "refused" | "timed_out";

/** What came of something that happened to a request. */
export type Step =
  /** It is another now. */
  | { readonly kind: "taken"; readonly request: CodeRequest; readonly outcome?: Outcome }
  /** The same has happened to it before. */
  | { readonly kind: "repeated" }
  /** It is not for this request, or not any more. */
  | { readonly kind: "left" };

const left: Step = { kind: "left" };

/** A new request, due at once. */
export function newRequest(
  { id, phoneNumber, requestedAt }: Pick<CodeRequest, "id" | "phoneNumber" | "requestedAt">,
  giveUpAfterMs: number,
  now: Instant,
): CodeRequest {
  return {
    id,
    phoneNumber,
    requestedAt,
    givesUpAt: requestedAt + microseconds(giveUpAfterMs),
    state: "waiting",
    callbackUrl: undefined,
    challenge: undefined,
    codeKey: undefined,
    attempts: 0,
    dueAt: now,
    lease: "",
    settledAt: undefined,
  };
}

/** The provider has answered with the code. */
export function receive(request: CodeRequest, code: HandedCode, lateAfterMs: number, now: Instant): Step {
  if (!isOpen(request) || now >= request.givesUpAt) return left;
  // By our own clock: what the provider takes for late is its own affair.
  const channel = now - request.requestedAt < microseconds(lateAfterMs) ? "web" : "sms";
  return {
    kind: "taken",
    request: { ...request, state: "received", codeKey: code.searchKey, settledAt: now },
    outcome: { kind: "code", code, channel },
  };
}

/** The provider will call back, with the verifier of this challenge; where it does not, it is asked again, later. */
export function acknowledge(request: CodeRequest, challenge: string, lateAfterMs: number, now: Instant): Step {
  if (request.state !== "waiting" || now >= request.givesUpAt) return left;
  const dueAt = askedAgainAt(request, lateAfterMs, now);
  return { kind: "taken", request: { ...request, state: "acknowledged", challenge, dueAt } };
}

/**
 * One that was acknowledged was asked for again, lest its callback was lost, and there is no code yet. Whatever else was
 * said changes nothing: it may still be called back, and the challenge that came first stays the proof.
 */
export function leaveAlone(request: CodeRequest, lease: string, lateAfterMs: number, now: Instant): Step {
  if (request.state !== "acknowledged" || request.lease !== lease) return left;
  return { kind: "taken", request: { ...request, dueAt: askedAgainAt(request, lateAfterMs, now) } };
}

/** A callback whose verifier has this challenge. */
export interface Callback {
  readonly challenge: string;
  readonly code: HandedCode;
  /** Everything that the code may be known by. */
  readonly searchKeys: readonly Uint8Array[];
}

/** The provider has called back. A code that is there already may come again, and stays what it is. */
export function callBack(
  request: CodeRequest,
  { challenge, code, searchKeys }: Callback,
  lateAfterMs: number,
  now: Instant,
): Step {
  if (request.challenge === undefined || !isSame(request.challenge, challenge)) return left;
  const { codeKey } = request;
  if (codeKey) return searchKeys.some((one) => isSame(one, codeKey)) ? { kind: "repeated" } : left;
  return receive(request, code, lateAfterMs, now);
}

/** The provider says no for good. One that it has acknowledged may still be called back. */
export function refuse(request: CodeRequest, now: Instant): Step {
  return request.state === "waiting" ? fail(request, "refused", now) : left;
}

/** Time is up, if it is. */
export function giveUp(request: CodeRequest, now: Instant): Step {
  return isOpen(request) && now >= request.givesUpAt ? fail(request, "timed_out", now) : left;
}

/** An attempt at asking has failed; the next may be after a pause. Where somebody else asks by now, it is theirs. */
export function postpone(request: CodeRequest, lease: string, pauseMs: number, now: Instant): Step {
  if (request.state !== "waiting" || request.lease !== lease) return left;
  const dueAt = now + microseconds(Math.ceil(pauseMs));
  return { kind: "taken", request: { ...request, attempts: request.attempts + 1, dueAt } };
}

/** Whoever was asking has stopped before there was an answer: somebody else may ask at once. */
export function release(request: CodeRequest, lease: string, now: Instant): Step {
  if (!isOpen(request) || request.lease !== lease) return left;
  return { kind: "taken", request: { ...request, dueAt: now } };
}

function isOpen({ state }: CodeRequest): boolean {
  return state === "waiting" || state === "acknowledged";
}

/** After as long as it is old by then, but no sooner than a code is late: the provider has promised it by then. */
function askedAgainAt({ requestedAt }: CodeRequest, lateAfterMs: number, now: Instant): Instant {
  const [age, late, most] = [now - requestedAt, microseconds(lateAfterMs), microseconds(mostLeftAloneMs)];
  const pause = age < most ? age : most;
  return now + (pause > late ? pause : late);
}

function fail(request: CodeRequest, why: FailureKind, now: Instant): Step {
  return {
    kind: "taken",
    request: { ...request, state: "failed", settledAt: now },
    outcome: { kind: "failure", why },
  };
}

function microseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1_000n;
}
