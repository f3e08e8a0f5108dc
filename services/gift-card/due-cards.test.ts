import test from "ava";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { LedgerService, SystemAccount } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { mostMinorUnits } from "../platform/money.ts";
import { Unavailable } from "../platform/refusal.ts";
import { recordedLog } from "../platform/rpc/testing/log.ts";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { now } from "../platform/time.ts";
import { byAdmin, callOf, RunningCards } from "./testing/running-cards.ts";

const toldToOperators = "a card's value cannot go back to whoever paid for it, and waits until it can";

async function setUp(engine: Engine) {
  const { log, lines } = recordedLog();
  return { engine, lines, running: await RunningCards.start(engine, {}, log) };
}

for (const { engine, lines, running } of await Promise.all(engines().map(setUp))) {
  const on = `on ${engine.name}`;

  test.before(`there is an admin ${on}`, async () => {
    // The first user's id is what the calls of admins name.
    await running.newUser("0");
  });

  test.after.always(`stop the cards ${on}`, async () => {
    await running.stop();
    await engine.remove();
  });

  /** A card, and whoever has paid for it: their wallet holds all that it can since. */
  const newCardOfRich = async () => {
    const payer = await running.newUser("100.00");
    const { id } = await running.newCard(payer);
    await running.clients.of(LedgerService).transfer(
      {
        id: `the-most-that-fits-${payer}`,
        debit: { owner: { case: "system", value: SystemAccount.TOP_UPS } },
        credit: { owner: { case: "userId", value: payer } },
        amount: { currencyCode: "SAR", minorUnits: mostMinorUnits },
        type: TransferType.CHARGE,
        reference: "test",
      },
      callOf(),
    );
    return { payer, id };
  };
  const reportsOf = (id: bigint) =>
    lines.filter(({ level, msg, cardId }) => level === 50 && msg === toldToOperators && cardId === Number(id));
  const overdue = async () => {
    const shown = await running.metrics.getSingleMetric("giftmesh_gift_cards_overdue")?.get();
    return shown?.values.find(({ labels }) => labels.state === "returning")?.value;
  };
  const dueNow = (id: bigint) => running.change("UPDATE cards SET due_at = 1 WHERE id = ?", id);
  /** For how long it waits now, in seconds, once somebody has seen to it. */
  const pauseOf = async (id: bigint): Promise<number> => {
    const select = async () => (await running.select("SELECT due_at FROM cards WHERE id = ?", id))[0]?.due_at as bigint;
    await eventually(async () => (await select()) > 1n);
    return Number((await select()) - now()) / 1_000_000;
  };

  test.serial(
    `value that its payer's wallet is too full for is told of once, and goes back once it can ${on}`,
    async (t) => {
      const { payer, id } = await newCardOfRich();
      t.is(await overdue(), 0);
      await running.change("UPDATE cards SET expires_at = 1, due_at = 1 WHERE id = ?", id);
      await eventually(async () => reportsOf(id).length > 0);
      t.is(await running.stateOf(id), "returning");
      t.like(reportsOf(id)[0], { payerId: Number(payer), amount: 10_000, currency: "SAR" });
      t.like(reportsOf(id)[0]?.err, { reason: "BALANCE_LIMIT_EXCEEDED" });

      const pauses = [
        { waited: 20n, least: 15, most: 25 },
        { waited: 3_600n, least: 55, most: 60 },
      ];
      for (const { waited, least, most } of pauses) {
        await running.change("UPDATE cards SET updated_at = ? WHERE id = ?", now() - waited * 1_000_000n, id);
        await dueNow(id);
        const seconds = await pauseOf(id);
        t.true(seconds > least && seconds <= most, `it waits ${seconds} s after ${waited} s`);
      }
      t.is(await overdue(), 1);
      t.is(reportsOf(id).length, 1);
      t.false(lines.some(({ msg, cardId }) => msg === "a card was let go" && cardId === Number(id)));

      await running.newCard(payer);
      await dueNow(id);
      await eventually(async () => (await running.stateOf(id)) === "expired");
      t.is(await overdue(), 0);
      t.deepEqual(await running.postings(payer, id), ["+100.00", "-100.00"]);
    },
  );

  test.serial(`a card that cannot be seen to now waits for a second ${on}`, async (t) => {
    const user = await running.newUser();
    const { id } = await running.newCard(user);
    running.breakAt({ rpc: "Transfer", when: "before" });
    await t.throwsAsync(running.redeem(id, user), { instanceOf: Unavailable });
    await dueNow(id);
    t.true((await pauseOf(id)) <= 1);
    running.breakAt(undefined);
    await eventually(async () => (await running.stateOf(id)) === "used");
  });

  test.serial(`who deletes a card whose value cannot go back is to ask again, and has it deleted ${on}`, async (t) => {
    const { payer, id } = await newCardOfRich();
    const remove = () =>
      running.clients.of(AdminGiftCardService).deleteGiftCard({ giftCardId: id }, byAdmin({ idempotencyKey: "rich" }));
    for (let time = 0; time < 2; time++) {
      const error = await t.throwsAsync(remove(), { instanceOf: Unavailable });
      t.regex(error?.message ?? "", /as soon as it can/);
    }
    t.is(await running.stateOf(id), "returning");
    await running.newCard(payer);
    await remove();
    t.is(await running.stateOf(id), "deleted");
    await t.notThrowsAsync(remove());
    t.deepEqual(await running.postings(payer, id), ["+100.00", "-100.00"]);
  });
}
