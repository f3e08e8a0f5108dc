import type { Signals } from "../../platform/events/signals.ts";

const topic = "requests";

/** Tells all replicas that something has become of requests, for those who watch them and for what sends their SMS. */
export class News {
  private readonly signals: Signals;

  constructor(signals: Signals) {
    this.signals = signals;
  }

  /** To be told once it is committed. */
  tell(requestIds: readonly bigint[]): void {
    this.signals.send(topic, requestIds);
  }

  /** Has `heard` called with what is told from now on, here or elsewhere; it may not throw. */
  hear(heard: (requestIds: readonly bigint[]) => void): void {
    this.signals.listen(topic, heard);
  }
}
