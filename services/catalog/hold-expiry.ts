import { now } from "../platform/time.ts";
import type { Stock } from "./stock.ts";
import type { Holds } from "./store/holds.ts";

/** Holds that are expired at a time. */
const atOnce = 1_000;

/** Makes free again what was held and has not been committed in time. */
export class HoldExpiry {
  private readonly stock: Stock;
  private readonly holds: Holds;

  constructor(stock: Stock, holds: Holds) {
    this.stock = stock;
    this.holds = holds;
  }

  /** Expires all that are overdue. One that is committed or released meanwhile stays so. */
  async run(signal: AbortSignal): Promise<void> {
    for (let ids = await this.next(); ids.length > 0; ids = await this.next()) {
      await Promise.all(ids.map((id) => this.stock.expire(id)));
      if (ids.length < atOnce || signal.aborted) return;
    }
  }

  private next(): Promise<string[]> {
    return this.holds.overdue(now(), atOnce);
  }
}
