import { randomUUID } from "node:crypto";
import test from "ava";
import { GiftType } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { OrderStatus } from "../../gen/giftmesh/payment/v1/order_pb.ts";
import { type CancelOrderResponse, OrderService } from "../../gen/giftmesh/payment/v1/order_service_pb.ts";
import type { PayPaymentResponse } from "../../gen/giftmesh/payment/v1/payment_service_pb.ts";
import { LedgerService, SystemAccount, type Transfer } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { mostMinorUnits } from "../platform/money.ts";
import { Refusal, Unavailable } from "../platform/refusal.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { byUser, callOf, type RunningCards } from "./testing/running-cards.ts";
import { openShelf } from "./testing/shelf.ts";

/** Each test has databases of its own, and all services: one after the other, since a machine has no room for all. */
const [forOne, forAnother, forAThird, forAFourth, forAFifth, forASixth, forASeventh] = await Promise.all([
  engines(),
  engines(),
  engines(),
  engines(),
  engines(),
  engines(),
  engines(),
]);

/** With 920.00 in a wallet, so much that another 80.00 does not fit. */
const almostAll = mostMinorUnits - 92_000n;

for (const engine of forOne) {
  test.serial(
    `a card whose order one driver is refused while another places it is ordered once (${engine.name})`,
    async (t) => {
      const { running, user, goods, add } = await openShelf(engine, t);
      const card = await running.newCard(user, { giftType: GiftType.ORDER, amount: "100.00", ...goods });
      await add(-1n);

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
            await add(5n);
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
    },
  );
}

for (const engine of forAnother) {
  test.serial(
    `what a card's order leaves of it is not paid out by one driver while another gives the card back (${engine.name})`,
    async (t) => {
      const shelf = await openShelf(engine, t);
      const { running, user, goods } = shelf;
      const card = await running.newCard(user, { giftType: GiftType.ORDER, amount: "100.00", ...goods });

      // The first driver finds its hold expired and all sold, but goes on only when the recovery, for which there was stock
      // again, has paid out the rest of the card, and says so no sooner than the first is through.
      const [restocked, paidOut] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let commits = 0;
      running.comeBetween(async (method, call, run) => {
        if (method.name === "CommitHold" && ++commits === 1) {
          await shelf.sellOut();
          try {
            return await run(call);
          } catch (error) {
            await shelf.add(1n);
            restocked.resolve();
            await paidOut.promise;
            throw error;
          }
        }
        if (method.name === "CommitHold") await restocked.promise;
        const answer = await run(call);
        if (commits > 1 && isRest(answer)) {
          paidOut.resolve();
          await ordering;
        }
        return answer;
      });
      const ordering = running.order(card.id, user).catch(() => undefined);
      await ordering;
      running.comeBetween();
      await eventually(async () => (await running.stateOf(card.id)) === "used");
      t.is(await running.balance(user), "920.00");
      t.is(await running.liability(), 0n);
    },
  );
}

for (const engine of forAThird) {
  test.serial(
    `a payment that another driver has made is told as made, under its own key too (${engine.name})`,
    async (t) => {
      const shelf = await openShelf(engine, t);
      const { running, user } = shelf;
      const orderId = await shelf.order();
      const pay = (idempotencyKey: string) => shelf.pay(orderId, idempotencyKey);

      // Its hold has expired and all is sold; before it hears of that, there is stock again, and it has been paid by another.
      const other = Promise.withResolvers<PayPaymentResponse>();
      let commits = 0;
      running.comeBetween(async (method, call, run) => {
        if (method.name !== "CommitHold" || ++commits > 1) return run(call);
        await shelf.sellOut();
        try {
          return await run(call);
        } catch (error) {
          await shelf.add(1n);
          other.resolve(await pay("another"));
          throw error;
        }
      });
      const paid = await pay("the first");
      running.comeBetween();
      t.deepEqual(paid, await other.promise);
      t.deepEqual(await pay("the first"), paid);
      t.is(paid.order?.status, OrderStatus.COMPLETED);
      t.is(await running.balance(user), "920.00");
    },
  );
}

for (const engine of forAFourth) {
  test.serial(
    `an order that another driver has refunded is told as cancelled, under its own key too (${engine.name})`,
    async (t) => {
      const shelf = await openShelf(engine, t);
      const { running, user } = shelf;
      const orders = running.clients.of(OrderService);
      const orderId = await shelf.order();
      await shelf.pay(orderId);
      const cancel = (idempotencyKey: string) => orders.cancelOrder({ orderId }, byUser(user, { idempotencyKey }));

      // The wallet that its price is to go back to is full; before that is heard of, there is room again, and another has had it.
      const other = Promise.withResolvers<CancelOrderResponse>();
      let refunds = 0;
      running.comeBetween(async (method, call, run) => {
        if (method.name !== "Transfer" || ++refunds > 1) return run(call);
        await charge(running, user, almostAll);
        try {
          return await run(call);
        } catch (error) {
          await charge(running, user, -almostAll);
          other.resolve(await cancel("another"));
          throw error;
        }
      });
      const cancelled = await cancel("the first");
      running.comeBetween();
      t.deepEqual(cancelled, await other.promise);
      t.deepEqual(await cancel("the first"), cancelled);
      t.is(cancelled.order?.status, OrderStatus.CANCELLED);
      t.is(await running.balance(user), "1000.00");
    },
  );
}

for (const engine of forAFifth) {
  test.serial(
    `a payment that was refused is told as made where another has made it since (${engine.name})`,
    async (t) => {
      const shelf = await openShelf(engine, t);
      const { running, user } = shelf;
      const orderId = await shelf.order();
      const pay = (idempotencyKey: string) => shelf.pay(orderId, idempotencyKey);
      await charge(running, user, -100_000n);

      // It is refused; before it has stepped back there is money, and another has paid.
      const other = Promise.withResolvers<PayPaymentResponse>();
      let voids = 0;
      running.comeBetween(async (method, call, run) => {
        const answer = await run(call);
        if (method.name !== "VoidTransfer" || ++voids > 1) return answer;
        await charge(running, user, 100_000n);
        other.resolve(await pay("another"));
        return answer;
      });
      const paid = await pay("the first");
      running.comeBetween();
      t.deepEqual(paid, await other.promise);
      t.deepEqual(await pay("the first"), paid);
      t.is(await running.balance(user), "920.00");
    },
  );
}

for (const engine of forASixth) {
  test.serial(
    `a payment that was taken for dead is told as made where another has made it (${engine.name})`,
    async (t) => {
      const shelf = await openShelf(engine, t);
      const { running, user } = shelf;
      const orderId = await shelf.order();
      const pay = (idempotencyKey: string) => shelf.pay(orderId, idempotencyKey);

      // Its transfer is slow: the recovery has had it made never, and another has paid.
      const [voided, other] = [Promise.withResolvers<void>(), Promise.withResolvers<PayPaymentResponse>()];
      let transfers = 0;
      running.comeBetween(async (method, call, run) => {
        if (method.name === "Transfer" && ++transfers === 1) {
          await running.changeIn("payment", "UPDATE orders SET due_at = 1 WHERE state = 'paying'");
          await voided.promise;
          other.resolve(await pay("another"));
        }
        const answer = await run(call);
        if (method.name === "VoidTransfer") voided.resolve();
        return answer;
      });
      const paid = await pay("the first");
      running.comeBetween();
      t.deepEqual(paid, await other.promise);
      t.deepEqual(await pay("the first"), paid);
      t.is(await running.balance(user), "920.00");
    },
  );
}

for (const engine of forASeventh) {
  test.serial(
    `a payment of an order whose cancelling comes to nothing is told as made, under its own key too (${engine.name})`,
    async (t) => {
      const shelf = await openShelf(engine, t);
      const { running, user } = shelf;
      const orderId = await shelf.order();
      await shelf.pay(orderId);

      // The wallet that its price is to go back to is full: it stays paid.
      await charge(running, user, almostAll);
      running.comeBetween(async (method, call, run) => {
        if (method.name === "Transfer") await t.throwsAsync(shelf.pay(orderId, "again"), { instanceOf: Unavailable });
        return run(call);
      });
      const cancelling = running.clients.of(OrderService).cancelOrder({ orderId }, byUser(user));
      await t.throwsAsync(cancelling, { instanceOf: Refusal });
      running.comeBetween();
      t.is((await shelf.pay(orderId, "again")).order?.status, OrderStatus.COMPLETED);
    },
  );
}

/** Charges a wallet with what it does not hold by rights, or takes that away. */
async function charge(running: RunningCards, userId: bigint, minorUnits: bigint): Promise<void> {
  const house = { owner: { case: "system", value: SystemAccount.TOP_UPS } } as const;
  const wallet = { owner: { case: "userId", value: userId } } as const;
  const sides = minorUnits > 0n ? { debit: house, credit: wallet } : { debit: wallet, credit: house };
  const amount = { currencyCode: "SAR", minorUnits: minorUnits > 0n ? minorUnits : -minorUnits };
  const transfer = { id: randomUUID(), ...sides, amount, type: TransferType.CHARGE, reference: "test" };
  await running.clients.of(LedgerService).transfer(transfer, callOf());
}

function isRest(answer: object): boolean {
  return "transfer" in answer && (answer.transfer as Transfer | undefined)?.id.includes("-rest-") === true;
}
