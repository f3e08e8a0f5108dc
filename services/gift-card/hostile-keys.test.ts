import { randomUUID } from "node:crypto";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { type GiftCard, GiftCardStatus, GiftType } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { LedgerAdminService } from "../../gen/giftmesh/wallet/v1/ledger_admin_service_pb.ts";
import { PointsService } from "../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import type { Refusal } from "../platform/refusal.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { KeyStorm } from "./testing/key-storm.ts";
import { byAdmin, byUser, type RunningCards } from "./testing/running-cards.ts";
import { startTwoReplicas } from "./testing/two-replicas.ts";

const storms = 6;
const flowStates = ["making", "redeeming", "ordering", "unordering", "changing", "returning"];

const replicas = await startTwoReplicas();
const { declare } = replicas;

const either = (index: number): RunningCards => (index % 2 === 0 ? replicas.here : replicas.there);

/** What came of each, by how often: an answer, or the reason of a refusal. */
async function tally(asked: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const settled = await Promise.allSettled(asked);
  const words = settled.map((one) => (one.status === "fulfilled" ? "answered" : (one.reason as Refusal).reason));
  return Object.fromEntries(
    Array.from(
      Map.groupBy(words, (word) => word),
      ([word, alike]) => [word, alike.length],
    ),
  );
}

declare("a card that is redeemed under many keys at once, at two replicas, pays out once", async (t) => {
  const { here } = replicas;
  const userId = await here.newUser();
  const { id, code } = await here.newCard(userId);
  const asked = Array.from({ length: 40 }, (_, index) => {
    const { cards } = either(index);
    const call = byUser(userId, { idempotencyKey: randomUUID() });
    return index % 4 < 2
      ? cards.redeemGiftCardToWallet({ giftCardId: id }, call)
      : cards.redeemGiftCard({ code }, call);
  });
  t.deepEqual(await tally(asked), { answered: 1, GIFT_CARD_NOT_REDEEMABLE: 39 });
  t.is(await here.balance(userId), "1000.00");
});

declare("one key for every way to redeem a card pays out once", async (t) => {
  const { here } = replicas;
  const userId = await here.newUser();
  const { id, code } = await here.newCard(userId);
  const key = { idempotencyKey: randomUUID() };
  const bodies = [{ giftCardId: id }, { giftCardId: id, code }, { code }, { giftCardId: id, code: ` ${code}` }];
  const ask = (index: number) => {
    const body = bodies[(index >> 1) % bodies.length] ?? {};
    const { cards } = either(index);
    return index % 3 === 0
      ? cards.redeemGiftCard(body, byUser(userId, key))
      : cards.redeemGiftCardToWallet({ giftCardId: id, ...body }, byUser(userId, key));
  };
  const { answered = 0, ...refused } = await tally(Array.from({ length: 48 }, (_, index) => ask(index)));
  t.true(answered > 0);
  t.deepEqual(
    Object.keys(refused).filter(
      (reason) => !["IDEMPOTENCY_KEY_REUSED", "GIFT_CARD_NOT_REDEEMABLE", "GIFT_CARD_NOT_FOUND"].includes(reason),
    ),
    [],
  );
  t.is(await here.balance(userId), "1000.00");
});

declare("whoever hears nothing of a redeem, and asks elsewhere under its key for another card, gets one", async (t) => {
  for (const when of ["before", "after"] as const) {
    const { here, there } = replicas;
    const userId = await here.newUser();
    const [one, other] = [await here.newCard(userId), await here.newCard(userId)];
    const key = { idempotencyKey: randomUUID() };
    here.breakAt({ rpc: "Transfer", when });
    t.deepEqual(await tally([here.redeem(one.id, userId, key)]), { UNAVAILABLE: 1 });
    here.breakAt(undefined);
    const asked = [there.redeem(other.id, userId, key), here.redeem(other.id, userId, key)];
    t.deepEqual(await tally(asked), { IDEMPOTENCY_KEY_REUSED: 2 });
    t.is((await there.redeem(one.id, userId, key)).status, GiftCardStatus.USED);
    t.is(await here.balance(userId), "900.00");
    t.is(await here.stateOf(other.id), "active");
  }
});

declare("an order's key does not order again what has been cancelled, nor a cancel's key pay twice", async (t) => {
  const { here, there } = replicas;
  const userId = await here.newUser();
  const { id } = await here.newOrderCard(userId, 5n);
  const [order, cancel] = [{ idempotencyKey: randomUUID() }, { idempotencyKey: randomUUID() }];
  const ordered = await here.order(id, userId, order);
  const cancelled = await there.unorder(id, userId, cancel);
  for (const replica of [here, there]) {
    t.deepEqual(await replica.order(id, userId, order), ordered);
    t.deepEqual(await replica.unorder(id, userId, cancel), cancelled);
    t.deepEqual(await tally([replica.order(id, userId), replica.unorder(id, userId)]), { GIFT_CARD_NOT_REDEEMABLE: 2 });
  }
  t.is(await here.balance(userId), "1000.00");
});

declare("cancelling a card's order under many keys at once, at two replicas, pays once", async (t) => {
  const { here } = replicas;
  const userId = await here.newUser();
  const { id } = await here.newOrderCard(userId);
  await here.order(id, userId);
  const asked = Array.from({ length: 20 }, (_, index) =>
    either(index).unorder(id, userId, { idempotencyKey: randomUUID() }),
  );
  t.deepEqual(await tally(asked), { answered: 1, GIFT_CARD_NOT_REDEEMABLE: 19 });
  t.is(await here.balance(userId), "1000.00");
});

declare("a redeem's key pays nothing a day later, when what it was answered is forgotten", async (t) => {
  const { here, there } = replicas;
  const userId = await here.newUser();
  const [one, other] = [await here.newCard(userId), await here.newCard(userId)];
  const key = { idempotencyKey: randomUUID() };
  await here.redeem(one.id, userId, key);
  await here.change("DELETE FROM receipts");
  t.is((await there.redeem(one.id, userId, key)).status, GiftCardStatus.USED);
  t.deepEqual(await here.postings(userId, one.id), ["+100.00", "-100.00"]);
  // A new key would be no worse: it is another card.
  await here.change("DELETE FROM receipts");
  await there.redeem(other.id, userId, key);
  t.is(await here.balance(userId), "1000.00");
});

declare("cards that a request has cancelled are not told to be skipped when it comes again elsewhere", async (t) => {
  const { here, there } = replicas;
  const userId = await here.newUser();
  const giftCardIds: bigint[] = [];
  for (let one = 0; one < 4; one++) giftCardIds.push((await here.newCard(userId)).id);
  const key = { idempotencyKey: randomUUID() };
  const cancel = (replica: RunningCards, ids: bigint[], init = {}) => {
    const wanted = { giftCardIds: ids, status: GiftCardStatus.CANCELLED };
    return replica.clients.of(AdminGiftCardService).bulkUpdateGiftCardStatus(wanted, byAdmin(init));
  };
  const [first = 0n] = giftCardIds;
  await cancel(here, [first]);
  const go = Promise.withResolvers<void>();
  let transfers = 0;
  here.comeBetween(async (method, call, run) => {
    if (method.name === "Transfer" && ++transfers === 3) await go.promise;
    return run(call);
  });
  const waiting = cancel(here, giftCardIds, key);
  const cancelled = () => here.select("SELECT id FROM cards WHERE sender_id = ? AND state = 'cancelled'", userId);
  await eventually(async () => (await cancelled()).length === 3);
  const answer = await cancel(there, giftCardIds, key);
  here.comeBetween();
  go.resolve();
  t.like(answer, { updatedCount: 3, skipped: [{ id: first, reason: "GIFT_CARD_FINAL" }] });
  t.deepEqual(await waiting, answer);
  t.is(await here.balance(userId), "1000.00");
});

declare("who waits only for a moment, and asks again elsewhere under the same key, gets one card of it", async (t) => {
  const { here } = replicas;
  for (let round = 0; round < 10; round++) {
    const userId = await here.newUser();
    const key = { idempotencyKey: randomUUID() };
    const make = (index: number, deadline: number) => either(index).newCard(userId, {}, { ...key, deadline });
    for (let attempt = 0; attempt < 8; attempt++) {
      await make(attempt, Date.now() + 2 + Math.random() * 12).catch(() => undefined);
    }
    const { id, code } = await make(round, Date.now() + 10_000);
    t.is((await here.redeem(id, userId)).code, code);
    t.is(await here.balance(userId), "1000.00");
    const [row] = await here.select(
      "SELECT COUNT(*) AS total FROM cards WHERE sender_id = ? AND state <> 'failed'",
      userId,
    );
    t.is(row?.total, 1n);
  }
});

declare(
  "who is refused a card that the same request is making elsewhere hears to ask again, and gets it",
  async (t) => {
    const { here, there } = replicas;
    const userId = await here.newUser("50.00");
    const key = { idempotencyKey: randomUUID() };
    // The refusal is about to be written when there is enough in the wallet, and the request has come again.
    const [refused, held, paying, go] = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    const { database } = here;
    const { write } = database;
    database.write = async (statements) => {
      refused?.resolve();
      await held?.promise;
      return write.call(database, statements);
    };
    const first = tally([here.newCard(userId, {}, key)]);
    await refused?.promise;
    await here.clients.of(PointsService).chargePoints({ memberId: "me", amount: "1000" }, byUser(userId));
    there.comeBetween(async (method, call, run) => {
      if (method.name !== "Transfer") return run(call);
      paying?.resolve();
      await go?.promise;
      return run(call);
    });
    const second = there.newCard(userId, {}, key);
    await paying?.promise;
    held?.resolve();
    const told = await first;
    Object.assign(database, { write });
    go?.resolve();
    there.comeBetween();
    const card = await second;
    t.deepEqual(told, { UNAVAILABLE: 1 });
    t.deepEqual(await here.newCard(userId, {}, key), card);
    t.is(await here.balance(userId), "950.00");
  },
);

for (let storm = 1; storm <= storms; storm++) {
  declare(
    `whatever is asked under few keys, at two replicas, while answers are lost, money is exact (${storm})`,
    async (t) => {
      t.timeout(120_000);
      const { here, there } = replicas;
      const userIds = [await here.newUser("9000.00"), await here.newUser("9000.00")];
      const makers = [...userIds, ...userIds];
      const cards: GiftCard[] = [];
      for (const maker of makers) cards.push(await here.newCard(maker));
      const goods = await here.newGoods(1_000n);
      for (const maker of makers) cards.push(await here.newCard(maker, { giftType: GiftType.ORDER, ...goods }));
      const raging = new KeyStorm({ replicas: [here, there], userIds, cards, name: randomUUID() });
      await raging.rage(400, 24);

      const underWay = `SELECT id FROM cards WHERE state IN (${flowStates.map((state) => `'${state}'`).join(", ")})`;
      await eventually(async () => (await here.select(underWay)).length === 0);
      const rows = await here.select(
        `SELECT state, method, amount, order_id FROM cards WHERE sender_id IN (?, ?) AND state <> 'failed'`,
        ...userIds,
      );
      const kept = rows.reduce((sum, { state, method, amount }) => {
        if (state === "active") return sum + (amount as bigint);
        return method === "order" ? sum + 8_000n : sum;
      }, 0n);
      const balances = await Promise.all(userIds.map((userId) => here.balance(userId)));
      const held = balances.reduce((sum, balance) => sum + BigInt(balance.replace(".", "")), 0n);
      t.is(held + kept, 1_800_000n);
      for (const { id } of cards) {
        const paid = await Promise.all(userIds.map((userId) => here.postings(userId, id)));
        const into = paid.flat().filter((posting) => posting === "+100.00");
        t.true(into.length <= 2, `card ${id} has paid out ${into.length} times`);
      }
      const [keyed] = await here.select(
        `SELECT COUNT(*) AS total FROM cards WHERE sender_id IN (?, ?) AND state <> 'failed' AND request_id IS NOT NULL`,
        ...userIds,
      );
      t.true(Number(keyed?.total) <= raging.makings.size, `${keyed?.total} cards under ${raging.makings.size} keys`);
      const { differences } = await here.clients.of(AdminGiftCardService).auditGiftCards({}, byAdmin());
      t.deepEqual(differences, []);
      t.true((await here.clients.of(LedgerAdminService).auditLedger({}, byAdmin())).balanced);

      const byScope = Map.groupBy(raging.outcomes, ({ scope }) => scope);
      const torn = [...byScope].filter(([, all]) => new Set(all.map(({ outcome }) => outcome)).size > 1);
      t.deepEqual(torn, []);
      t.log(`${raging.outcomes.length} outcomes under ${byScope.size} keys`);
    },
  );
}
