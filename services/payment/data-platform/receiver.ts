import type { Answer, Delivery } from "./delivery.ts";

/** Where deliveries go. */
export interface Receiver {
  /** Makes one attempt at a delivery. Never rejects. */
  take(delivery: Delivery): Promise<Answer>;

  /** Ends the attempts under way: they are answered as if nobody had been reached. */
  abandon(): void;
}
