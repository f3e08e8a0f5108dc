import type { ExecutionContext } from "ava";
import { AdminCatalogService } from "../../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import type { Engine } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { byAdmin, RunningCards } from "./running-cards.ts";

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
