import test from "ava";
import { OrderStatus } from "../../gen/giftmesh/payment/v1/order_pb.ts";
import { OrderService } from "../../gen/giftmesh/payment/v1/order_service_pb.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { byUser } from "./testing/running-cards.ts";
import { openShelf } from "./testing/shelf.ts";

for (const engine of engines()) {
  test.serial(
    `who cancels an order that expires as it is paid is told of the cancelling (${engine.name})`,
    async (t) => {
      const { running, user, order, pay, sellOut } = await openShelf(engine, t);
      const orders = running.clients.of(OrderService);
      const orderId = await order();

      // Its money has been moved; what it was for is sold out before it is asked for, and then it is cancelled.
      const cancelling = Promise.withResolvers<unknown>();
      let commits = 0;
      running.comeBetween(async (method, call, run) => {
        if (method.name === "CommitHold" && ++commits === 1) {
          await sellOut();
          cancelling.resolve(await failureOfCall(orders.cancelOrder({ orderId }, byUser(user))));
        }
        return run(call);
      });
      t.like(visible(await failureOfCall(pay(orderId))), { reason: "PAYMENT_NOT_PAYABLE" });
      running.comeBetween();
      t.like(visible(await cancelling.promise), { kind: "rule", reason: "ORDER_NOT_CANCELLABLE" });
      const again = orders.cancelOrder({ orderId }, byUser(user));
      t.like(visible(await failureOfCall(again)), { reason: "ORDER_NOT_CANCELLABLE" });
      await eventually(async () => {
        const { order } = await orders.getOrder({ orderId }, byUser(user));
        return order?.status === OrderStatus.EXPIRED;
      });
      t.is(await running.balance(user), "1000.00");
    },
  );
}
