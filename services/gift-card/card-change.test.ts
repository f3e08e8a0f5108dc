import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { GiftCardStatus, GiftType } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { NotFound, Refusal, Unavailable } from "../platform/refusal.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import { GiftCardFinal } from "./domain/errors.ts";
import { toldTo } from "./testing/members.ts";
import { byAdmin, byUser, RunningCards } from "./testing/running-cards.ts";

const newEmail = () => `jane-${randomBytes(6).toString("hex")}@example.com`;

const found = engines();
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

  test.serial(
    `who asks again at once for a worth whose transfer nobody has heard of gets it, once ${on}`,
    async (t) => {
      const maker = await running.newUser();
      const { id } = await running.newCard(maker);
      running.breakAt({ rpc: "Transfer", when: "after" });
      await t.throwsAsync(update(id, { amount: "150.00" }, "again"));
      running.breakAt(undefined);
      // It is on its way to that worth, and to no other.
      for (const amount of ["160.00", "100.00"]) {
        const error = await t.throwsAsync(update(id, { amount }));
        t.is((error as Unavailable).reason, new Unavailable().reason);
      }
      t.like((await update(id, { amount: "150.00" }, "again")).giftCard, { amount: "150.00" });
      t.is(await running.balance(maker), "850.00");
    },
  );

  test.serial(`whoever wants a card whose worth is just being changed is told to come again ${on}`, async (t) => {
    const maker = await running.newUser();
    const [redeemed, deleted] = [await running.newCard(maker), await running.newCard(maker)];
    const key = { idempotencyKey: "while it changes" };
    const redeem = () => running.redeem(redeemed.id, maker, key);
    const remove = () => admins.deleteGiftCard({ giftCardId: deleted.id }, byAdmin(key));
    const asked = Promise.withResolvers<void>();
    let transfers = 0;
    running.comeBetween(async (method, call, run) => {
      if (method.name !== "Transfer") return run(call);
      if (++transfers === 2) {
        await t.throwsAsync(redeem(), { instanceOf: Unavailable });
        await t.throwsAsync(remove(), { instanceOf: Unavailable });
        asked.resolve();
      }
      await asked.promise;
      return run(call);
    });
    await Promise.all([update(redeemed.id, { amount: "150.00" }), update(deleted.id, { amount: "50.00" })]);
    running.comeBetween();
    t.like(await redeem(), { amount: "150.00", status: GiftCardStatus.USED });
    await remove();
    t.is(await running.balance(maker), "1000.00");
  });

  test.serial(`who sets a card's time while its worth is just being changed is told to come again ${on}`, async (t) => {
    const maker = await running.newUser();
    const { id } = await running.newCard(maker);
    const expiresAt = { seconds: BigInt(Math.floor(Date.now() / 1_000)) + 86_400n, nanos: 0 };
    const setTime = () => update(id, { expiresAt }, `time of ${id}`);
    running.comeBetween(async (method, call, run) => {
      if (method.name === "Transfer") await t.throwsAsync(setTime(), { instanceOf: Unavailable });
      return run(call);
    });
    await update(id, { amount: "150.00" });
    running.comeBetween();
    await setTime();
    t.like(await look(id), { amount: "150.00", status: GiftCardStatus.ACTIVE });
    t.like((await look(id))?.expiresAt, expiresAt);
  });

  test.serial(`a worth and a time are changed together, though the time before is over meanwhile ${on}`, async (t) => {
    const maker = await running.newUser();
    const { id } = await running.newCard(maker);
    const expiresAt = { seconds: BigInt(Math.floor(Date.now() / 1_000)) + 86_400n, nanos: 0 };
    running.comeBetween(async (method, call, run) => {
      if (method.name !== "Transfer") return run(call);
      await running.change("UPDATE cards SET expires_at = ? WHERE id = ?", now() + 5_000n, id);
      await sleep(10);
      return run(call);
    });
    const { giftCard } = await update(id, { amount: "150.00", expiresAt });
    running.comeBetween();
    t.like(giftCard, { amount: "150.00", status: GiftCardStatus.ACTIVE });
    t.like(giftCard?.expiresAt, expiresAt);
    t.like(await look(id), { amount: "150.00", status: GiftCardStatus.ACTIVE });
  });

  test.serial(`who asks again at once for a worth and a time gets both ${on}`, async (t) => {
    const maker = await running.newUser();
    const { id } = await running.newCard(maker);
    const expiresAt = { seconds: BigInt(Math.floor(Date.now() / 1_000)) + 86_400n, nanos: 0 };
    running.breakAt({ rpc: "Transfer", when: "after" });
    await t.throwsAsync(update(id, { amount: "150.00", expiresAt }, "both"));
    running.breakAt(undefined);
    const { giftCard } = await update(id, { amount: "150.00", expiresAt }, "both");
    t.is(giftCard?.amount, "150.00");
    t.like(giftCard?.expiresAt, expiresAt);
    t.is(await running.balance(maker), "850.00");
  });

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

  test.serial(
    `an update that is refused has written nothing, though the card was active to clients ${on}`,
    async (t) => {
      const email = newEmail();
      const maker = await running.newUser();
      const card = await running.newCard(maker, { recipientEmail: email });
      running.breakAt({ rpc: "Transfer", when: "before" });
      const redeem = { giftCardId: card.id, code: card.code };
      await t.throwsAsync(running.cards.redeemGiftCardToWallet(redeem, byUser(maker)), { instanceOf: Unavailable });
      const wanted = { recipientEmail: newEmail(), notes: "Over", status: GiftCardStatus.CANCELLED };
      await t.throwsAsync(update(card.id, wanted), { instanceOf: GiftCardFinal });
      running.breakAt(undefined);
      t.like(await running.look(card.id, maker), { recipientEmail: email, code: card.code });
      t.is((await look(card.id))?.notes, "");
    },
  );

  test.serial(`an update loses the race for a card to its redemption as a whole ${on}`, async (t) => {
    const maker = await running.newUser();
    const card = await running.newCard(maker);
    const other = await running.newUser("0");
    // Redeemed after the update has read it, and before it has written anything.
    running.comeBetween(async (method, call, run) => {
      if (method.name !== "GetContacts") return run(call);
      running.comeBetween();
      const answer = await run(call);
      await running.cards.redeemGiftCard({ code: card.code }, byUser(other));
      return answer;
    });
    const wanted = { userId: maker, notes: "Over", status: GiftCardStatus.CANCELLED };
    await t.throwsAsync(update(card.id, wanted), { instanceOf: GiftCardFinal });
    t.is((await look(card.id))?.notes, "");
    t.is(await running.balance(other), "100.00");
  });

  test.serial(`a card that goes to another address has a new code, and the one it had is none's ${on}`, async (t) => {
    const [first, second] = [newEmail(), newEmail()];
    const maker = await running.newUser();
    const card = await running.newCard(maker, { recipientEmail: first });
    await toldTo(running, first, 1);
    await update(card.id, { recipientEmail: second }, "readdressed");
    const { code, codeLast4 } = await running.look(card.id, maker);
    t.not(code, card.code);
    t.is(codeLast4, code.slice(-4));
    const [message] = await toldTo(running, second, 1);
    t.true(message?.body.includes(code));
    await update(card.id, { recipientEmail: second }, "readdressed");
    await update(card.id, { recipientName: "Jane", recipientEmail: second });
    t.is((await running.look(card.id, maker)).code, code, "that of the same address stays");
    const [thief, friend] = [await running.newUser("0"), await running.newUser("0")];
    const redeem = (code: string, userId: bigint) => running.cards.redeemGiftCard({ code }, byUser(userId));
    await t.throwsAsync(redeem(card.code, thief), { instanceOf: NotFound });
    t.is((await redeem(code, friend)).wallet?.balance, "100.00");
    await update(card.id, { recipientEmail: first });
    t.is((await running.look(card.id, maker)).code, code, "and that of a used card");
  });

  test.serial(`who gives a card of the house's to another, for another, is not shown its new code ${on}`, async (t) => {
    const wanted = { giftType: GiftType.WALLET, amount: "10.00", recipientEmail: newEmail() };
    const { giftCard: card } = await admins.issueGiftCard(wanted, byAdmin());
    t.false(card?.code.startsWith("*"));
    const changes = { userId: await running.newUser("0"), recipientEmail: newEmail() };
    const { giftCard } = await update(card?.id ?? 0n, changes);
    t.true(giftCard?.code.startsWith("*"));
  });

  for (const every of [1, 2]) {
    const lost = every === 1 ? "the first answers" : "every second answer";
    test.serial(`what is asked for without a key is done once, though ${lost} of commits are lost ${on}`, async (t) => {
      const { lossy, cards } = running;
      const losing = async <T>(ask: () => Promise<T>): Promise<T> => {
        const toLose = 4 / every;
        Object.assign(lossy, { toLose, every });
        const answer = await ask();
        t.true(lossy.toLose < toLose, "some were lost");
        lossy.toLose = 0;
        return answer;
      };
      const maker = await running.newUser();
      const card = await losing(() => running.newCard(maker));
      t.is(await running.balance(maker), "900.00");
      t.like(await losing(() => update(card.id, { amount: "150.00" })), { giftCard: { amount: "150.00" } });
      t.is(await running.balance(maker), "850.00");
      const redeem = () => cards.redeemGiftCardToWallet({ giftCardId: card.id }, byUser(maker));
      t.is((await losing(redeem)).giftCard?.status, GiftCardStatus.USED);
      t.is(await running.balance(maker), "1000.00");
      await t.throwsAsync(redeem(), { instanceOf: Refusal });
      const { id } = await losing(() => running.newOrderCard(maker, 2n));
      const order = () => cards.createOrderFromGiftCard({ giftCardId: id }, byUser(maker));
      t.is((await losing(order)).giftCard?.status, GiftCardStatus.USED);
      await losing(() => cards.cancelOrderAndRedeemToWallet({ giftCardId: id }, byUser(maker)));
      t.is(await running.balance(maker), "1000.00");
    });
  }

  test.serial(
    `a card that is deleted without a key is deleted once, though answers of commits are lost ${on}`,
    async (t) => {
      const maker = await running.newUser();
      const [active, used] = [await running.newCard(maker), await running.newCard(maker)];
      await running.redeem(used.id, maker);
      for (const { id: giftCardId } of [active, used]) {
        Object.assign(running.lossy, { toLose: 1, every: 1 });
        await t.notThrowsAsync(admins.deleteGiftCard({ giftCardId }, byAdmin()));
        t.is(running.lossy.toLose, 0);
        t.is(await running.stateOf(giftCardId), "deleted");
        await t.throwsAsync(admins.deleteGiftCard({ giftCardId }, byAdmin()), { instanceOf: NotFound });
      }
      t.is(await running.balance(maker), "1000.00");
    },
  );

  test.serial(`of many who readdress a card at once the last's code is its own, and no other ${on}`, async (t) => {
    const maker = await running.newUser();
    const { id, code } = await running.newCard(maker, { recipientEmail: newEmail() });
    const emails = Array.from({ length: 10 }, newEmail);
    await Promise.all(emails.map((recipientEmail) => update(id, { recipientEmail })));
    const last = await running.look(id, maker);
    t.true(emails.includes(last.recipientEmail ?? ""));
    const bearer = byUser(await running.newUser("0"));
    t.is((await running.cards.getGiftCardByCode({ code: last.code }, bearer)).giftCard?.id, id);
    await t.throwsAsync(running.cards.getGiftCardByCode({ code }, bearer), { instanceOf: NotFound });
    const messages = await toldTo(running, last.recipientEmail ?? "", 1);
    t.true(messages.at(-1)?.body.includes(last.code));
  });

  test.serial(`of many who change a card's worth at once each is paid for, or refused ${on}`, async (t) => {
    const maker = await running.newUser();
    const { id } = await running.newCard(maker);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, one) => update(id, { amount: `${101 + one}.00` })),
    );
    t.true(outcomes.some(({ status }) => status === "fulfilled"));
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") t.is(outcome.reason.reason, new Unavailable().reason);
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

  if (engine.name === "MySQL") {
    test.serial(`cards are told to end in time only where they have begun to ${on}`, async (t) => {
      const maker = await running.newUser();
      const [free, locked] = [await running.newCard(maker), await running.newCard(maker)];
      const request = { giftCardIds: [free.id, locked.id], status: GiftCardStatus.CANCELLED };
      const endBoth = () => admins.bulkUpdateGiftCardStatus(request, byAdmin({ idempotencyKey: "both" }));
      await running.database.transaction(async (tx) => {
        await tx.run([{ sql: "SELECT id FROM cards WHERE id = ? FOR UPDATE", values: [locked.id] }]);
        await t.throwsAsync(endBoth(), { instanceOf: Unavailable });
      });
      t.is(await running.stateOf(locked.id), "active");
      t.like(await endBoth(), { updatedCount: 2, skipped: [] });
      t.is(await running.balance(maker), "1000.00");
    });
  }
}
