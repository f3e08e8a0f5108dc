import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OrderSchema } from "../../../gen/giftmesh/payment/v1/order_pb.ts";
import type { Database, Statement } from "../../platform/database/database.ts";
import type { Instant } from "../../platform/time.ts";
import { insertingDelivery } from "./deliveries.ts";
import type { DeliveryType } from "./delivery.ts";
import { bodyOf } from "./order-json.ts";

/** What happened to an order, for the data platform. */
export interface OrderEntry {
  readonly type: DeliveryType;
  /** The order as it was right after. */
  readonly order: MessageInitShape<typeof OrderSchema> & { readonly id: bigint; readonly userId: bigint };
  readonly occurredAt: Instant;
}

/** How what happens to orders gets to the data platform. */
export interface OrderFeed {
  /**
   * The statement that has an entry sent, for the transaction of what it tells of. Added twice, it is one: an order is
   * paid once, and cancelled once.
   */
  adding(entry: OrderEntry): Statement;

  /** To be called once that transaction is committed: what it added is sent at once, and not within a second. */
  wake(): void;
}

/** The feed into a database's deliveries; `wake` has their sender look. */
export function createOrderFeed({ dialect }: Pick<Database, "dialect">, wake: () => void): OrderFeed {
  return {
    adding: (entry) => {
      const { type, order, occurredAt } = entry;
      return insertingDelivery(dialect, {
        type,
        orderId: order.id,
        userId: order.userId,
        body: bodyOf(entry),
        occurredAt,
      });
    },
    wake,
  };
}
