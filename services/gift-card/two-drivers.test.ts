import test from "ava";
import { AdminCatalogService } from "../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import { GiftType } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { byAdmin, RunningCards } from "./testing/running-cards.ts";

for (const engine of await engines()) {
  test(`a card whose order one driver is refused while another places it is ordered once (${engine.name})`, async (t) => {
    const running = await RunningCards.start(engine);
    t.teardown(async () => {
      await running.stop();
      await engine.remove();
    });
    const user = await running.newUser();
    const goods = await running.newGoods(1n);
    const card = await running.newCard(user, { giftType: GiftType.ORDER, amount: "100.00", ...goods });
    const addStock = (delta: bigint) =>
      running.clients.of(AdminCatalogService).adjustStock({ productId: goods.productId, delta }, byAdmin());
    await addStock(-1n);

    // The first driver's hold is slow. The second one's is refused, but hears of it late: when stock is there again, and
    // the first has held it and is paying.
    const second = Promise.withResolvers<void>();
    const placed = Promise.withResolvers<void>();
    let holds = 0;
    running.comeBetween(async (method, call, run) => {
      if (method.name === "Transfer") placed.resolve();
      if (method.name !== "HoldStock") return run(call);
      if (++holds === 1) {
        await second.promise;
        return run(call);
      }
      try {
        return await run(call);
      } catch (error) {
        if (holds === 2) {
          await addStock(5n);
          second.resolve();
          await placed.promise;
        }
        throw error;
      }
    });
    await running.order(card.id, user).catch(() => undefined);
    await eventually(async () => (await running.stateOf(card.id)) === "used");
    running.comeBetween();
    await t.throwsAsync(running.order(card.id, user), { message: "Gift card cannot be redeemed" });
    t.is(await running.balance(user), "920.00");
    t.is(await running.liability(), 0n);
  });
}
