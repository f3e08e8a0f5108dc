import { createHash, randomBytes } from "node:crypto";
import type { Instant } from "../../platform/time.ts";
import type { Behaviour, Misbehaviour } from "./behaviour.ts";

/** What has become of calling back; `none` where it is not to be done. */
export type CallbackState = "none" | "due" | "accepted" | "refused" | "given_up";

/** A voucher that was asked for. It is there, with its code, before anything of it is told. */
export interface Voucher {
  readonly id: bigint;
  /** The `Idempotency-Key` that it was asked for with; undefined where there was none. */
  readonly key: string | undefined;
  /** As it was given. */
  readonly phoneNumber: string;
  readonly callbackUrl: string;
  readonly code: string;
  /** RFC 7636, 4.1. */
  readonly verifier: string;
  readonly requestedAt: Instant;
  readonly readyAt: Instant;
  readonly misbehaviour: Misbehaviour | null;
  readonly callback: CallbackState;
  /** When to call back, while it is due. */
  readonly callbackAt: Instant;
  /** Failed ones. */
  readonly callbackAttempts: number;
}

/** What a client asks for. */
export interface VoucherRequest extends Pick<Voucher, "key" | "phoneNumber" | "callbackUrl"> {}

/** When what is not ready is acknowledged, and from when on what is ready is late: after it was asked for, in milliseconds. */
export interface Pace {
  readonly ackAfterMs: number;
  readonly lateAfterMs: number;
}

/** The answer to a request, and when it is given. */
export interface Answer {
  readonly kind: "code" | "acknowledgement";
  readonly at: Instant;
}

/** How long before the acknowledgement a callback comes that is early, and how long after its time that one is given. */
const earlyBy = 50_000n;
const heldBackFor = 150_000n;

/** Makes a voucher for a request; `chance` is 0 to 1. */
export function newVoucher(
  id: bigint,
  request: VoucherRequest,
  { delay_ms, delay_spread_ms, misbehaviour }: Behaviour,
  pace: Pace,
  { now: requestedAt, chance }: { readonly now: Instant; readonly chance: number },
): Voucher {
  const readyAt = requestedAt + microseconds(Math.round(delay_ms + delay_spread_ms * chance));
  const acknowledgedAt = requestedAt + microseconds(pace.ackAfterMs);
  const callsBack = readyAt > acknowledgedAt && misbehaviour !== "no_callback";
  return {
    id,
    key: request.key,
    phoneNumber: request.phoneNumber,
    callbackUrl: request.callbackUrl,
    code: newCode(),
    verifier: newVerifier(),
    requestedAt,
    readyAt,
    misbehaviour,
    callback: callsBack ? "due" : "none",
    callbackAt: misbehaviour === "early_callback" ? acknowledgedAt - earlyBy : readyAt,
    callbackAttempts: 0,
  };
}

/** How a request is answered, the first or the same again: with the code as soon as it is ready, but by the mark at last. */
export function answerTo({ requestedAt, readyAt, misbehaviour }: Voucher, pace: Pace, now: Instant): Answer {
  const mark = requestedAt + microseconds(pace.ackAfterMs);
  const last = mark > now ? mark : now;
  if (readyAt <= last) return { kind: "code", at: readyAt > now ? readyAt : now };
  return { kind: "acknowledgement", at: misbehaviour === "early_callback" ? last + heldBackFor : last };
}

/** Whether it took the provider so long that it asks for patience. */
export function isLate({ requestedAt, readyAt }: Voucher, { lateAfterMs }: Pace): boolean {
  return readyAt - requestedAt > microseconds(lateAfterMs);
}

/** What a voucher is acknowledged with: its challenge, and how that was made (RFC 7636, 4.2). */
export function challengeOf({ verifier, misbehaviour }: Voucher): {
  readonly challenge: string;
  readonly method: string;
} {
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  switch (misbehaviour) {
    case "plain":
      return { challenge: verifier, method: "plain" };
    case "wrong_method":
      return { challenge, method: "S512" };
    case "wrong_challenge":
      return { challenge: challenge.slice(1), method: "S256" };
    default:
      return { challenge, method: "S256" };
  }
}

/** 256 random bits as 43 characters, as RFC 7636, 4.1 recommends. */
export function newVerifier(): string {
  return randomBytes(32).toString("base64url");
}

/** 80 random bits as 20 characters. */
export function newCode(): string {
  return randomBytes(10).toString("hex").toUpperCase();
}

function microseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1_000n;
}
