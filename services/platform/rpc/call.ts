import { create } from "@bufbuild/protobuf";
import type { Context } from "@opentelemetry/api";
import { type Caller, CallerSchema } from "../../../gen/giftmesh/common/v1/access_pb.ts";
import type { Receipt } from "../receipt.ts";

/** Nobody is signed in, or a service calls of its own accord. */
export const nobody: Caller = create(CallerSchema);

/** How long a call may take where nobody said, in milliseconds. */
export const defaultTimeoutMs = 10_000;

/** The longest that a timer of Node takes, in milliseconds: 24.8 days. */
export const longestTimerMs = 2 ** 31 - 1;

export interface CallInit {
  readonly caller?: Caller;
  readonly requestId: string;
  readonly idempotencyKey?: string | undefined;
  /** When the caller stops waiting, in milliseconds since 1970; Infinity for a stream that is to last. */
  readonly deadline?: number;
  /** The OpenTelemetry context that this call's span is in. */
  readonly trace?: Context | undefined;
  /**
   * Aborted when the caller goes away before it is answered, or is not to be kept waiting any more; or how to come by that
   * signal, called at most once.
   */
  readonly cancelled?: Cancelled | (() => Cancelled);
}

type Cancelled = AbortSignal | undefined;

/** One call in progress: who asked, in which request and trace, until when. Handed on to the calls it leads to. */
export class Call {
  readonly caller: Caller;
  readonly requestId: string;
  readonly idempotencyKey: string | undefined;
  readonly deadline: number;
  readonly trace: Context | undefined;
  /** Set where the call carries an idempotency key: the effect's transaction writes the answer into it. */
  receipt: Receipt | undefined;
  private cancelledOrMaker: Cancelled | (() => Cancelled);

  constructor(init: CallInit) {
    this.caller = init.caller ?? nobody;
    this.requestId = init.requestId;
    this.idempotencyKey = init.idempotencyKey;
    this.deadline = init.deadline ?? Date.now() + defaultTimeoutMs;
    this.trace = init.trace;
    this.cancelledOrMaker = init.cancelled;
  }

  /** Aborted when the caller goes away before it is answered, or is to wait no more. Made when first asked for. */
  get cancelled(): AbortSignal | undefined {
    if (typeof this.cancelledOrMaker === "function") this.cancelledOrMaker = this.cancelledOrMaker();
    return this.cancelledOrMaker;
  }

  /** Milliseconds left; never below zero. */
  get remainingMs(): number {
    return Math.max(0, this.deadline - Date.now());
  }

  /** Aborted at the deadline, or when the caller goes away. Made when first asked for: most calls need none. */
  get signal(): AbortSignal {
    const atDeadline = AbortSignal.timeout(Math.min(this.remainingMs, longestTimerMs));
    return this.cancelled ? AbortSignal.any([this.cancelled, atDeadline]) : atDeadline;
  }

  /** The same call in another trace context, or with another caller: what is not named stays. */
  with(changes: Partial<CallInit>): Call {
    return new Call({
      caller: this.caller,
      requestId: this.requestId,
      idempotencyKey: this.idempotencyKey,
      deadline: this.deadline,
      trace: this.trace,
      cancelled: () => this.cancelled,
      ...changes,
    });
  }
}
