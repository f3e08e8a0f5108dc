import { Counter, type Registry } from "prom-client";
import { showNumber } from "../../platform/gauges.ts";
import type { Deliveries, DeliveryCounts } from "./deliveries.ts";

/** Shows how it is with what is for the data platform. Answers what to call for each delivery that is sent. */
export function countDeliveries(registry: Registry, deliveries: Pick<Deliveries, "counts">): () => void {
  const show = (state: keyof DeliveryCounts, help: string) => {
    const count = async () => (await deliveries.counts())[state];
    showNumber(registry, { name: `giftmesh_data_platform_${state}`, help, count });
  };
  show("waiting", "Order events that are still to be sent to the data platform.");
  show("dead", "Order events that the data platform did not take, and that wait for an operator.");
  const sent = new Counter({
    name: "giftmesh_data_platform_sent_total",
    help: "Order events that this process has sent to the data platform.",
    registers: [registry],
  });
  return () => sent.inc();
}
