import type { ExecutionContext } from "ava";
import { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import { OrderService } from "../../../gen/giftmesh/payment/v1/order_service_pb.ts";
import { PaymentService } from "../../../gen/giftmesh/payment/v1/payment_service_pb.ts";
import type { Engine } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { byAdmin, byUser, RunningCards } from "./running-cards.ts";

/** A shop with one unit of one product, and a member. */
export async function openShelf(engine: Engine, t: ExecutionContext) {
  const running = await RunningCards.start(engine);
  t.teardown(async () => {
    await running.stop();
    await engine.remove();
  });
  const user = await running.newUser();
  const goods = await running.newGoods(1n);
  const add = (delta: bigint) =>
    running.clients.of(AdminCatalogService).adjustStock({ productId: goods.productId, delta }, byAdmin());
  return {
    running,
    user,
    goods,
    add,
    /** Has the member order a unit; answers the order's id, which is its payment's too. */
    async order(): Promise<bigint> {
      const wanted = { userId: "me", items: [{ productId: goods.productId, quantity: 1n }] };
      return (await running.clients.of(OrderService).placeOrder(wanted, byUser(user))).order?.id ?? 0n;
    },
    /** Has the member pay an order, under a key where there is one. */
    pay: (paymentId: bigint, idempotencyKey?: string) =>
      running.clients.of(PaymentService).payPayment({ paymentId }, byUser(user, { idempotencyKey })),
    /** What is held expires, and is sold to somebody else. */
    async sellOut() {
      await running.changeIn("catalog", "UPDATE holds SET due_at = 1 WHERE status = 'held'");
      await eventually(async () =>
        add(-1n).then(
          () => true,
          () => false,
        ),
      );
    },
  };
}
