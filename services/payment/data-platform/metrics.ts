import { Counter, Gauge, type Registry } from "prom-client";
import type { Deliveries, DeliveryCounts } from "./deliveries.ts";

/** Shows how it is with what is for the data platform. Answers what to call for each delivery that is sent. */
export function countDeliveries(registry: Registry, deliveries: Pick<Deliveries, "counts">): () => void {
  const registers = [registry];
  const show = (state: keyof DeliveryCounts, help: string) =>
    new Gauge({
      name: `giftmesh_data_platform_${state}`,
      help,
      registers,
      async collect() {
        // What cannot be found out now is not shown; everything else is.
        await deliveries.counts().then(
          (counts) => this.set(counts[state]),
          () => this.remove(),
        );
      },
    });
  show("waiting", "Order events that are still to be sent to the data platform.");
  show("dead", "Order events that the data platform did not take, and that wait for an operator.");
  const sent = new Counter({
    name: "giftmesh_data_platform_sent_total",
    help: "Order events that this process has sent to the data platform.",
    registers,
  });
  return () => sent.inc();
}
