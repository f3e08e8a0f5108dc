import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { engines } from "../platform/testing/engines.ts";
import { byAdmin, RunningCards } from "./testing/running-cards.ts";

const found = engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningCards.start(engine) })));

/** As long as it takes to count a million cards, in milliseconds. */
const countingMs = 300;

for (const { engine, running } of all) {
  test.after.always(`stop the cards on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test.serial(`cards that are made while others are counted are no difference on ${engine.name}`, async (t) => {
    const maker = await running.newUser("10000.00");
    let isOver = false;
    running.comeBetween(async (method, call, run) => {
      if (method.name === "ListSystemBalances") await sleep(countingMs);
      return run(call);
    });
    const making = (async () => {
      while (!isOver) {
        await running.newCard(maker, { amount: "1.00" });
        await sleep(20);
      }
    })();
    const audit = await running.clients.of(AdminGiftCardService).auditGiftCards({}, byAdmin());
    isOver = true;
    await making;
    t.like(audit, { balanced: true, differences: [] });
  });
}
