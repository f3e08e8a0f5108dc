import test from "ava";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { GiftCardStatus } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { Unavailable } from "../platform/refusal.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { byAdmin, RunningCards } from "./testing/running-cards.ts";

const found = await engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningCards.start(engine) })));

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const admins = running.clients.of(AdminGiftCardService);
  const update = (giftCardId: bigint, changes: object, idempotencyKey?: string) =>
    admins.updateGiftCard({ giftCardId, ...changes }, byAdmin({ idempotencyKey }));
  const look = async (giftCardId: bigint) => (await admins.getAnyGiftCard({ giftCardId }, byAdmin())).giftCard;

  test.before(`there is an admin on ${engine.name}`, async () => {
    // The first user's id is what the calls of admins name.
    await running.newUser("0");
  });

  test.after.always(`stop the changes on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  for (const when of ["before", "after"] as const) {
    test.serial(`an update that stops ${when} its transfer is as it should be, whoever ends it ${on}`, async (t) => {
      const maker = await running.newUser();
      const { id } = await running.newCard(maker);
      running.breakAt({ rpc: "Transfer", when });
      const [wanted, key] = [{ amount: "150.00", notes: "Larger" }, `larger ${when}`];
      const error = await t.throwsAsync(update(id, wanted, key));
      t.is((error as Unavailable).reason, new Unavailable().reason);
      running.breakAt(undefined);
      await eventually(async () => (await running.stateOf(id)) === "active");
      const { giftCard } = await update(id, wanted, key);
      t.like(giftCard, wanted);
      t.like(await look(id), { ...wanted, status: GiftCardStatus.ACTIVE });
      t.is(await running.balance(maker), "850.00");
      t.deepEqual((await update(id, wanted, key)).giftCard, giftCard);
      t.is(await running.balance(maker), "850.00");
    });
  }

  test.serial(`an update that ends a card, and stops there, is ended by whoever comes next ${on}`, async (t) => {
    const maker = await running.newUser();
    const { id } = await running.newCard(maker);
    running.breakAt({ rpc: "Transfer", when: "before" });
    await t.throwsAsync(update(id, { notes: "Over", status: GiftCardStatus.CANCELLED }));
    running.breakAt(undefined);
    await eventually(async () => (await running.stateOf(id)) === "cancelled");
    t.like(await look(id), { notes: "Over", status: GiftCardStatus.CANCELLED });
    t.is(await running.balance(maker), "1000.00");
  });

  test.serial(`of many who change a card's worth at once each is paid for, or refused ${on}`, async (t) => {
    const maker = await running.newUser();
    const { id } = await running.newCard(maker);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, one) => update(id, { amount: `${101 + one}.00` })),
    );
    t.true(outcomes.some(({ status }) => status === "fulfilled"));
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") t.is(outcome.reason.reason, "GIFT_CARD_FINAL");
    }
    await eventually(async () => (await running.stateOf(id)) === "active");
    const worth = Number((await look(id))?.amount);
    t.is(Number(await running.balance(maker)), 1_000 - worth);
  });

  test.serial(`a thousand cards are ended at once, each value once back ${on}`, async (t) => {
    const maker = await running.newUser("1000.00");
    const cards = await Promise.all(Array.from({ length: 1_000 }, () => running.newCard(maker, { amount: "1.00" })));
    t.is(await running.balance(maker), "0.00");
    const giftCardIds = cards.map(({ id }) => id);
    const request = { giftCardIds, status: GiftCardStatus.EXPIRED };
    const both = await Promise.all([
      admins.bulkUpdateGiftCardStatus(request, byAdmin()),
      admins.bulkUpdateGiftCardStatus(request, byAdmin()),
    ]);
    t.true(both.every(({ updatedCount, skipped }) => updatedCount + skipped.length === 1_000));
    t.is(await running.balance(maker), "1000.00");
    const again = await admins.bulkUpdateGiftCardStatus(request, byAdmin());
    t.is(again.updatedCount, 0);
    t.true(again.skipped.every(({ reason }) => reason === "GIFT_CARD_FINAL"));
  });
}
