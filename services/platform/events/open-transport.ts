import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { InProcessTransport } from "./in-process-transport.ts";
import type { EventTransport } from "./transport.ts";

/** Readers of orders may begin anew from any point of these days. */
const longKept = [{ name: "ORDERS", subjects: "order.>", days: 30 }];

/** The transport that all services of this process share: NATS where there is one, else the process itself. */
export async function openTransport({ natsUrl }: Config, log: Logger): Promise<EventTransport> {
  if (!natsUrl) return new InProcessTransport();
  // Loaded where there is a broker to talk to.
  const { NatsTransport } = await import("./nats-transport.ts");
  return new NatsTransport({ url: natsUrl, log, longKept });
}
