import { DataPlatformService } from "../../../gen/giftmesh/payment/v1/data_platform_service_pb.ts";
import { InvalidFields } from "../../platform/refusal.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { now, toInstant, toTimestamp } from "../../platform/time.ts";
import type { DataPlatform } from "../data-platform/data-platform.ts";
import { type Delivery, idOf } from "../data-platform/delivery.ts";

const defaultLimit = 100;

/** What leaves for the data platform, for those who operate it. */
export function serveDataPlatform({ deliveries, replays }: Pick<DataPlatform, "deliveries" | "replays">): Served {
  return serve(DataPlatformService, {
    async listDeadDeliveries({ limit = defaultLimit }) {
      return { deliveries: (await deliveries.dead(limit)).map(shapeOf) };
    },

    async replayDeliveries({ selection, to }) {
      switch (selection.case) {
        case "from":
          return { replayedCount: await replays.since(toInstant(selection.value), to ? toInstant(to) : now()) };
        case "dead":
          if (!selection.value) throw invalid("dead", "must be true where it is given");
          if (to) throw invalid("to", "can only be given with from");
          return { replayedCount: await replays.dead() };
        case undefined:
          throw invalid("selection", "is required");
        default:
          return selection satisfies never;
      }
    },

    async getDeliveryProgress() {
      const { waiting, dead } = await deliveries.counts();
      return { waitingCount: BigInt(waiting), deadCount: BigInt(dead) };
    },
  });
}

function shapeOf(delivery: Delivery) {
  const { type, orderId, userId, body, attempts, error, occurredAt } = delivery;
  return {
    id: idOf(delivery),
    ...{ type, orderId, userId, attempts, error },
    body: Buffer.from(body).toString("utf8"),
    occurredAt: toTimestamp(occurredAt),
  };
}

function invalid(field: string, description: string): InvalidFields {
  return new InvalidFields([{ field, description }]);
}
