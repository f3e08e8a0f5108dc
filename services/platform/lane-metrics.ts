import { Counter, type Registry } from "prom-client";
import type { LaneObserver } from "./lane.ts";

/** Counts what a lane does, by its name, so that the commands of a commit and the wait of a command can be read. */
export function countLane(registry: Registry, lane: string): LaneObserver {
  const batches = counterOf(registry, "giftmesh_lane_batches_total", "Batches that a lane has set out to commit.");
  const commands = counterOf(registry, "giftmesh_lane_commands_total", "Commands in a lane's batches.");
  const waits = counterOf(registry, "giftmesh_lane_wait_seconds_total", "How long these waited for their batches.");
  return (count, waitedMs) => {
    batches.inc({ lane });
    commands.inc({ lane }, count);
    waits.inc({ lane }, waitedMs / 1_000);
  };
}

/** One counter for all lanes of the process. */
function counterOf(registry: Registry, name: string, help: string): Counter {
  const known = registry.getSingleMetric(name);
  if (known instanceof Counter) return known;
  return new Counter({ name, help, labelNames: ["lane"], registers: [registry] });
}
