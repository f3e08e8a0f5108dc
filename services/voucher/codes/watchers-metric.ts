import { Gauge, type Registry } from "prom-client";
import type { Watchers } from "./watchers.ts";

/** Shows how many watch in this process. */
export function showWatchers(registry: Registry, watchers: Pick<Watchers, "count">): void {
  new Gauge({
    name: "giftmesh_voucher_watchers",
    help: "Clients that wait for a voucher code in this process.",
    registers: [registry],
    collect() {
      this.set(watchers.count);
    },
  });
}
