import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { InProcessRoad } from "./in-process-road.ts";
import type { EventRoad } from "./road.ts";

/** Readers of orders may begin anew from any point of these days. */
const longKept = [{ name: "ORDERS", subjects: "order.>", days: 30 }];

/** The road that all services of this process share: NATS where there is one, else the process itself. */
export async function openRoad({ natsUrl }: Config, log: Logger): Promise<EventRoad> {
  if (!natsUrl) return new InProcessRoad();
  // Loaded where there is a broker to talk to.
  const { NatsRoad } = await import("./nats-road.ts");
  return new NatsRoad({ url: natsUrl, log, longKept });
}
