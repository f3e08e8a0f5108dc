import type { Instant } from "../../platform/time.ts";
import { type Backoff, backoffMs } from "../../platform/waiting.ts";

/** What the data platform is told of. */
export type DeliveryType = "order.paid" | "order.cancelled";

/** An order event on its way to the data platform. */
export interface Delivery {
  /** Deliveries of one user leave in the order of their places. */
  readonly place: bigint;
  readonly type: DeliveryType;
  readonly orderId: bigint;
  readonly userId: bigint;
  /** The same bytes at every attempt: UTF-8 of a JSON object. */
  readonly body: Uint8Array;
  readonly occurredAt: Instant;
  /** Attempts that failed, since it was added or replayed. */
  readonly attempts: number;
  /** What its last attempt failed of; empty where none did. */
  readonly error: string;
}

/**
 * What a delivery is known by outside, `webhook-id`: `order-17-paid`. It is the same at every attempt and replay, so the
 * receiver can drop repeats by it; and it holds no full stop, which parts what is signed.
 */
export function idOf({ type, orderId }: Pick<Delivery, "type" | "orderId">): string {
  return type.replace(".", `-${orderId}-`);
}

/** What became of one attempt. */
export type Answer =
  | { readonly kind: "taken" }
  /** The platform does not take this delivery. */
  | { readonly kind: "refused"; readonly error: string }
  /** It does not take anything just now, or this delivery is what breaks it. */
  | { readonly kind: "overloaded"; readonly error: string }
  /** It was not reached at all, so this says nothing of the delivery. */
  | { readonly kind: "unreachable"; readonly error: string };

/** What to do with a delivery after an attempt. */
export type NextStep =
  | { readonly kind: "close" }
  | { readonly kind: "retry"; readonly attempts: number; readonly pauseMs: number; readonly error: string }
  | { readonly kind: "give_up"; readonly attempts: number; readonly error: string }
  | { readonly kind: "leave" };

/** How often a delivery is tried, and how the pauses between grow. */
export interface DeliveryPolicy extends Backoff {
  readonly attempts: number;
}

/** A delivery that the platform does not take is dead after a quarter of an hour. */
export const usualPolicy: DeliveryPolicy = { attempts: 12, firstMs: 500, mostMs: 300_000 };

/** Decides what to do with a delivery, by what became of an attempt at it. */
export function nextStep(delivery: Delivery, answer: Answer, policy: DeliveryPolicy): NextStep {
  switch (answer.kind) {
    case "taken":
      return { kind: "close" };
    case "unreachable":
      return { kind: "leave" };
    case "refused":
    case "overloaded": {
      const { error } = answer;
      const attempts = delivery.attempts + 1;
      if (attempts >= policy.attempts) return { kind: "give_up", attempts, error };
      return { kind: "retry", attempts, pauseMs: Math.ceil(backoffMs(attempts, policy)), error };
    }
    default:
      return answer satisfies never;
  }
}
