import test from "ava";
import {
  AdminGiftCardService,
  type GiftCardBatch,
  GiftCardBatchStatus,
} from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { GiftType } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import type { Row, Statement } from "../platform/database/database.ts";
import { Refusal } from "../platform/refusal.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import { rounds } from "../testing/scale.ts";
import { Batches } from "./store/batches.ts";
import { byAdmin, RunningCards } from "./testing/running-cards.ts";

const found = engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningCards.start(engine) })));

for (const { engine, running } of all) {
  const on = `on ${engine.name}`;
  const admins = running.clients.of(AdminGiftCardService);

  const known = (batch: GiftCardBatch | undefined): GiftCardBatch => {
    if (!batch) throw new Error("There is no batch in the answer");
    return batch;
  };
  const order = async (count: number, fields: object = {}): Promise<bigint> => {
    const usual = { count, giftType: GiftType.WALLET, amount: "1.00" };
    return known((await admins.bulkIssueGiftCards({ ...usual, ...fields }, byAdmin())).batch).id;
  };
  const read = async (batchId: bigint) => known((await admins.getGiftCardBatch({ batchId }, byAdmin())).batch);
  const ended = async (batchId: bigint): Promise<GiftCardBatch> => {
    await eventually(async () => (await read(batchId)).status !== GiftCardBatchStatus.PROCESSING);
    return read(batchId);
  };
  const codes = async (batchId: bigint) => {
    const { data } = await admins.getGiftCardBatchCodes({ batchId }, byAdmin());
    return Buffer.from(data).toString().trim().split("\r\n").slice(1);
  };
  const statesOf = async (batchId: bigint) => {
    const rows = await running.select(
      "SELECT state, COUNT(*) AS count FROM cards WHERE batch_id = ? AND state <> 'failed' GROUP BY state",
      batchId,
    );
    return Object.fromEntries(rows.map(({ state, count }) => [String(state), Number(count)]));
  };

  test.before(`there is an admin on ${engine.name}`, async () => {
    // The first user's id is what the calls of admins name.
    await running.newUser("0");
  });

  test.after.always(`stop the batches on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  test.serial(`a batch is paid from the house's promotions, to the unit ${on}`, async (t) => {
    t.timeout(300_000);
    const count = rounds(10_000);
    const before = await running.liability();
    const batch = await ended(await order(count));
    t.like(batch, { status: GiftCardBatchStatus.COMPLETED, createdCount: count });
    t.deepEqual(await statesOf(batch.id), { active: count });
    t.is((await running.liability()) - before, BigInt(count) * 100n);
    t.is(new Set(await codes(batch.id)).size, count);
  });

  test.serial(`the ledger away, a batch waits, and none of its cards is made twice ${on}`, async (t) => {
    const before = await running.liability();
    running.breakAt({ rpc: "Transfer", when: "after" });
    const id = await order(30);
    await eventually(async () => (await running.select("SELECT id FROM cards WHERE batch_id = ?", id)).length >= 30);
    t.is((await read(id)).status, GiftCardBatchStatus.PROCESSING);
    await t.throwsAsync(codes(id), { instanceOf: Refusal, message: "The gift cards are still being created" });
    running.breakAt(undefined);
    await ended(id);
    t.deepEqual(await statesOf(id), { active: 30 });
    await eventually(async () => (await running.liability()) - before === 3_000n);
    t.is((await codes(id)).length, 30);
  });

  test.serial(`a batch whose replica died is taken up by another, from where it was ${on}`, async (t) => {
    const id = await ended(await order(10)).then((batch) => batch.id);
    // As if it had died after its cards were made and before it was noted, and its time were over.
    await running.change(
      "UPDATE card_batches SET status = 'processing', created_count = 4, completed_at = NULL, due_at = 1 WHERE id = ?",
      id,
    );
    t.like(await ended(id), { status: GiftCardBatchStatus.COMPLETED, createdCount: 10 });
    t.deepEqual(await statesOf(id), { active: 10 });
  });

  test.serial(`a batch of which a card was deleted meanwhile is completed ${on}`, async (t) => {
    const id = await ended(await order(10)).then((batch) => batch.id);
    const [, second] = await codes(id);
    await admins.deleteGiftCard({ giftCardId: BigInt(second?.split(",")[0] ?? 0) }, byAdmin());
    await running.change(
      "UPDATE card_batches SET status = 'processing', created_count = 0, completed_at = NULL, due_at = 1 WHERE id = ?",
      id,
    );
    t.like(await ended(id), { status: GiftCardBatchStatus.COMPLETED, createdCount: 10 });
    t.deepEqual(await statesOf(id), { active: 9, deleted: 1 });
  });

  test.serial(`a batch whose cards are refused has failed, and tells how many of them were made ${on}`, async (t) => {
    let transfers = 0;
    running.comeBetween(async (method, call, run) => {
      if (method.name === "Transfer" && ++transfers > 4)
        throw new Refusal("rule", { reason: "NO_MORE", message: "No more" });
      return run(call);
    });
    const batch = await ended(await order(10));
    running.comeBetween();
    t.like(batch, { status: GiftCardBatchStatus.FAILED, createdCount: 4 });
    t.deepEqual(await statesOf(batch.id), { active: 4 });
  });

  test.serial(`a batch that another replica has taken up is nobody else's ${on}`, async (t) => {
    const { id } = await ended(await order(1));
    const dueAt = now() + 60_000_000n;
    const sql = "UPDATE card_batches SET status = 'processing', completed_at = NULL, due_at = ? WHERE id = ?";
    await running.change(sql, dueAt, id);
    const batches = new Batches(running.database);
    const found = await batches.find(id);
    if (!found) return t.fail();
    const taken = await batches.advance({ ...found, dueAt }, dueAt + 1n);
    t.is(taken?.dueAt, dueAt + 1n);
    const done = { status: "completed", completedAt: now() } as const;
    t.is(await batches.advance({ ...found, ...done, createdCount: 0, dueAt }, undefined), undefined);
    t.is((await read(id)).status, GiftCardBatchStatus.PROCESSING);
    await batches.advance({ ...found, ...done, dueAt: dueAt + 1n }, undefined);
    t.like(await read(id), { status: GiftCardBatchStatus.COMPLETED, createdCount: 1 });
  });

  test.serial(`codes are there for an hour ${on}`, async (t) => {
    const { id } = await ended(await order(2));
    t.is((await codes(id)).length, 2);
    await running.change("UPDATE card_batches SET completed_at = completed_at - ? WHERE id = ?", 3_599_000_000n, id);
    t.is((await codes(id)).length, 2);
    await running.change("UPDATE card_batches SET completed_at = completed_at - ? WHERE id = ?", 1_000_000n, id);
    await t.throwsAsync(codes(id), { instanceOf: Refusal, message: "Gift card batch not found" });
  });

  test.serial(`nothing that is written on cards is read with their codes ${on}`, async (t) => {
    const message = "x".repeat(1_000);
    const { id } = await ended(await order(2, { message, notes: message }));
    const { database } = running.lossy;
    const { select } = database;
    const read: Row[] = [];
    Object.assign(database, {
      select: async (statement: Statement) => {
        const rows = await select(statement);
        read.push(...rows);
        return rows;
      },
    });
    const lines = await codes(id);
    Object.assign(database, { select });
    t.is(lines.length, 2);
    const ofCards = read.filter((row) => "sealed_code" in row);
    t.is(ofCards.length, 2);
    t.false(ofCards.some((row) => Object.values(row).includes(message)));
  });

  test.serial(
    `codes of cards that are given by somebody else since are told no more than anywhere else ${on}`,
    async (t) => {
      const { id } = await ended(await order(3));
      const [first = ""] = await codes(id);
      const giftCardId = BigInt(first.split(",")[0] ?? 0);
      await admins.updateGiftCard({ giftCardId, userId: await running.newUser("0") }, byAdmin());
      const { giftCard } = await admins.getAnyGiftCard({ giftCardId }, byAdmin());
      t.true(giftCard?.code.startsWith("*"));
      t.is((await codes(id)).length, 2);
      t.false((await codes(id)).includes(first));
    },
  );

  test.serial(`codes of cards that were deleted are not told ${on}`, async (t) => {
    const { id } = await ended(await order(3));
    const [first] = await codes(id);
    await admins.deleteGiftCard({ giftCardId: BigInt(first?.split(",")[0] ?? 0) }, byAdmin());
    t.is((await codes(id)).length, 2);
  });

  test.serial(`the audit tells of a counter that is wrong, and of money that is owed on no card ${on}`, async (t) => {
    const audit = async () => {
      const { balanced, differences } = await admins.auditGiftCards({}, byAdmin());
      return { balanced, checks: differences.map(({ check, subject }) => `${check} of ${subject}`) };
    };
    t.deepEqual(await audit(), { balanced: true, checks: [] });
    await running.change(
      "UPDATE card_counters SET count = count + 1 WHERE kind = 'facet' AND vendor_id = 0 AND part = 1",
    );
    const wrong = await audit();
    t.false(wrong.balanced);
    t.deepEqual(new Set(wrong.checks), new Set(["count of SAR wallet active pending"]));
    await running.change(
      "UPDATE card_counters SET count = count - 1 WHERE kind = 'facet' AND vendor_id = 0 AND part = 1",
    );
    const id = await order(1).then(ended);
    await running.change("UPDATE cards SET amount = amount + 7 WHERE batch_id = ?", id.id);
    const unpaid = await audit();
    t.deepEqual(
      unpaid.checks.filter((one) => one.startsWith("liability")),
      ["liability of SAR"],
    );
    await running.change("UPDATE cards SET amount = amount - 7 WHERE batch_id = ?", id.id);
    t.true((await audit()).balanced);
  });
}
