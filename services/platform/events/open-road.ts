import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { InProcessRoad } from "./in-process-road.ts";
import { NatsRoad } from "./nats-road.ts";
import type { EventRoad } from "./road.ts";

/** Readers of orders may begin anew from any point of these days. */
const longKept = [{ name: "ORDERS", subjects: "order.>", days: 30 }];

/** The road that all services of this process share: NATS where there is one, else the process itself. */
export function openRoad({ natsUrl }: Config, log: Logger): EventRoad {
  return natsUrl ? new NatsRoad({ url: natsUrl, log, longKept }) : new InProcessRoad();
}
