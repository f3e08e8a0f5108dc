import test from "ava";
import fc from "fast-check";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { GiftCardStatus, GiftType } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { type Ask, CardModel, type ModelCard } from "./testing/card-model.ts";
import { type Break, byAdmin, RunningCards } from "./testing/running-cards.ts";

const cardsInAll = 3;

const card = fc.integer({ min: 0, max: cardsInAll - 1 });
const status = fc.constantFrom("expired" as const, "cancelled" as const);
const amount = fc.constantFrom(9_000, 10_000, 12_000);
const ask: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({ kind: fc.constantFrom("redeem" as const, "order" as const, "unorder" as const), card }),
  fc.record({ kind: fc.constantFrom("redeem" as const, "order" as const, "unorder" as const), card }),
  fc.record({ kind: fc.constant("delete" as const), card }),
  fc.record({ kind: fc.constant("end" as const), card, status }),
  fc.record({ kind: fc.constant("end all" as const), status }),
  fc.record({ kind: fc.constant("change" as const), card, amount }),
);
const someCards = fc.array(fc.record({ type: fc.constantFrom("wallet" as const, "order" as const), amount }), {
  minLength: cardsInAll,
  maxLength: cardsInAll,
});

/** What may break while everything is asked at once. */
const breaks: readonly (Break | undefined)[] = [
  undefined,
  { rpc: "Transfer", when: "before" },
  { rpc: "Transfer", when: "after" },
  { rpc: "PlaceGiftCardOrder", when: "after" },
  { rpc: "CancelGiftCardOrder", when: "after" },
];

const codes = { expired: GiftCardStatus.EXPIRED, cancelled: GiftCardStatus.CANCELLED };
const found = engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningCards.start(engine) })));

for (const { engine, running } of all) {
  const admin = running.clients.of(AdminGiftCardService);

  test.after.always(`stop the cards on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  /** Cards of one run, all of a new member's, and a way to ask as the model is asked. */
  const newRun = async (made: readonly Pick<ModelCard, "type" | "amount">[]) => {
    const owedBefore = await running.liability();
    const userId = await running.newUser("1000.00");
    const goods = await running.newGoods(1_000n);
    const ids: bigint[] = [];
    for (const { type, amount } of made) {
      const worth = { amount: decimal(amount) };
      const changes = type === "order" ? { giftType: GiftType.ORDER, ...goods, ...worth } : worth;
      ids.push((await running.newCard(userId, changes)).id);
    }
    const answer = async (one: Ask): Promise<string> => {
      const id = "card" in one ? (ids[one.card] as bigint) : 0n;
      try {
        switch (one.kind) {
          case "redeem":
            await running.redeem(id, userId);
            return "redeemed";
          case "order":
            await running.order(id, userId);
            return "ordered";
          case "unorder":
            await running.unorder(id, userId);
            return "unordered";
          case "delete":
            await admin.deleteGiftCard({ giftCardId: id }, byAdmin());
            return "deleted";
          case "end":
            await admin.updateGiftCard({ giftCardId: id, status: codes[one.status] }, byAdmin());
            return one.status;
          case "end all": {
            const request = { giftCardIds: ids, status: codes[one.status] };
            return `ended ${(await admin.bulkUpdateGiftCardStatus(request, byAdmin())).updatedCount}`;
          }
          case "change":
            await admin.updateGiftCard({ giftCardId: id, amount: decimal(one.amount) }, byAdmin());
            return "changed";
          default:
            throw one satisfies never;
        }
      } catch (error) {
        return (error as { reason?: string }).reason ?? String(error);
      }
    };
    return {
      answer,
      owed: async () => Number((await running.liability()) - owedBefore),
      balance: async () => Number((await running.balance(userId)).replace(".", "")),
      rows: () =>
        running.select(`SELECT state, method, amount FROM cards WHERE id IN (${ids.map(() => "?").join()})`, ...ids),
    };
  };

  test.serial(
    `whatever is done with cards one after the other is as in a simple model on ${engine.name}`,
    async (t) => {
      t.timeout(5 * 60_000);
      await fc.assert(
        fc.asyncProperty(someCards, fc.array(ask, { minLength: 1, maxLength: 12 }), async (made, asks) => {
          const { answer, owed, balance } = await newRun(made);
          const model = new CardModel(made);
          for (const [index, one] of asks.entries()) {
            const done = JSON.stringify(asks.slice(0, index + 1));
            t.is(await answer(one), model.answer(one), done);
            t.is(await owed(), model.liability, done);
            t.is(await balance(), 100_000 - model.cost, done);
          }
        }),
        { numRuns: 30 },
      );
      t.like(await admin.auditGiftCards({}, byAdmin()), { balanced: true, differences: [] });
    },
  );

  test.serial(
    `however it is raced, and breaks, what is owed is what the cards are worth on ${engine.name}`,
    async (t) => {
      t.timeout(5 * 60_000);
      const anyBreak = fc.constantFrom(...breaks);
      await fc.assert(
        fc.asyncProperty(
          someCards,
          fc.array(ask, { minLength: 10, maxLength: 30 }),
          anyBreak,
          async (made, asks, at) => {
            const { answer, owed, balance, rows } = await newRun(made);
            running.breakAt(at);
            const answers = await Promise.all(asks.map(answer));
            running.breakAt(undefined);
            const unexpected = answers.filter((one) => !/^([a-z]+( \d)?|GIFT_CARD_[A-Z_]+|UNAVAILABLE)$/.test(one));
            t.deepEqual(unexpected, []);
            await eventually(async () => (await rows()).every(({ state }) => restStates.has(String(state))));
            const cards = await rows();
            const active = cards.filter(({ state }) => state === "active");
            const worth = active.reduce((sum, { amount }) => sum + Number(amount), 0);
            const orders = cards.filter(
              ({ state, method }) => (state === "used" || state === "deleted") && method === "order",
            );
            t.is(await owed(), worth, JSON.stringify(asks));
            t.is(await balance(), 100_000 - worth - orders.length * 8_000, JSON.stringify(asks));
          },
        ),
        { numRuns: 12 },
      );
      t.like(await admin.auditGiftCards({}, byAdmin()), { balanced: true, differences: [] });
    },
  );
}

const restStates: ReadonlySet<string> = new Set(["active", "used", "expired", "cancelled", "deleted"]);

function decimal(minorUnits: number): string {
  return (minorUnits / 100).toFixed(2);
}
