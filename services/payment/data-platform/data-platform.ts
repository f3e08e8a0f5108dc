import { join } from "node:path";
import type { Config } from "../../platform/config.ts";
import type { Platform, Worker } from "../../platform/service.ts";
import { now } from "../../platform/time.ts";
import { Deliveries } from "./deliveries.ts";
import { FileReceiver } from "./file-receiver.ts";
import { HttpReceiver } from "./http-receiver.ts";
import { countDeliveries } from "./metrics.ts";
import { createOrderFeed, type OrderFeed } from "./order-feed.ts";
import type { Receiver } from "./receiver.ts";
import { Replays } from "./replays.ts";
import { Sender, usualPace } from "./sender.ts";

/** How long what was sent can be replayed. */
const keptFor = 30n * 24n * 3_600n * 1_000_000n;

/** The data platform, as the payment service has it. */
export interface DataPlatform {
  readonly feed: OrderFeed;
  readonly deliveries: Deliveries;
  readonly replays: Replays;
  readonly workers: readonly Worker[];
}

/** What is for the data platform, and what sends it: to DATA_PLATFORM_URL, or into `data-platform.jsonl` in DATA_DIR. */
export function openDataPlatform(
  { config, database, log, metrics }: Pick<Platform, "config" | "database" | "log" | "metrics">,
  pace = usualPace,
): DataPlatform {
  const deliveries = new Deliveries(database);
  const onSent = countDeliveries(metrics, deliveries);
  const sender = new Sender({ deliveries, receiver: receiverOf(config), log, pace, onSent });
  return {
    feed: createOrderFeed(database, () => sender.wake()),
    deliveries,
    replays: new Replays(database),
    workers: [
      {
        name: "send-to-data-platform",
        everyMs: pace.pollMs,
        alone: true,
        run: (stopping) => sender.run(stopping),
      },
      {
        name: "purge-deliveries",
        everyMs: 600_000,
        alone: true,
        run: (stopping) => deliveries.purgeSent(now() - keptFor, stopping),
      },
    ],
  };
}

function receiverOf({ dataPlatformUrl: url, dataPlatformSecret: secret, dataDir }: Config): Receiver {
  return url && secret ? new HttpReceiver({ url, secret }) : new FileReceiver(join(dataDir, "data-platform.jsonl"));
}
