import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { GiftCardStatus, GiftType } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { OrderStatus } from "../../gen/giftmesh/payment/v1/order_pb.ts";
import { type CancelOrderResponse, OrderService } from "../../gen/giftmesh/payment/v1/order_service_pb.ts";
import type { PayPaymentResponse } from "../../gen/giftmesh/payment/v1/payment_service_pb.ts";
import { LedgerService, SystemAccount, type Transfer } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { mostMinorUnits } from "../platform/money.ts";
import { Refusal, Unavailable } from "../platform/refusal.ts";
import { anotherOf, type Engine, engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { byAdmin, byUser, callOf, type RunningCards } from "./testing/running-cards.ts";
import { openShelf } from "./testing/shelf.ts";

const found = engines();
test.after.always(() => Promise.all(found.map((engine) => engine.remove())));

/**
 * Declares a test on every engine. Each has databases of its own, and all services: one after the other, since a machine has
 * no room for all.
 */
function flow(title: string, run: (t: ExecutionContext, engine: Engine) => Promise<void>): void {
  for (const one of found) test.serial(`${title} (${one.name})`, (t) => run(t, anotherOf(one)));
}

/** With 920.00 in a wallet, so much that another 80.00 does not fit. */
const almostAll = mostMinorUnits - 92_000n;

flow("a card whose order one driver is refused while another places it is ordered once", async (t, engine) => {
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
});

flow(
  "what a card's order leaves of it is not paid out by one driver while another gives the card back",
  async (t, engine) => {
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

flow("a payment that another driver has made is told as made, under its own key too", async (t, engine) => {
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
});

flow("an order that another driver has refunded is told as cancelled, under its own key too", async (t, engine) => {
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
});

flow("a payment that was refused is told as made where another has made it since", async (t, engine) => {
  const shelf = await openShelf(engine, t);
  const { running, user } = shelf;
  for (const key of ["the first", undefined]) {
    const orderId = await shelf.order();
    const money = BigInt((await running.balance(user)).replace(".", ""));
    await charge(running, user, -money);

    // It is refused; before it has stepped back there is money, and another has paid.
    const other = Promise.withResolvers<PayPaymentResponse>();
    let voids = 0;
    running.comeBetween(async (method, call, run) => {
      const answer = await run(call);
      if (method.name !== "VoidTransfer" || ++voids > 1) return answer;
      await charge(running, user, money);
      other.resolve(await shelf.pay(orderId, `another than ${key}`));
      return answer;
    });
    const paid = await shelf.pay(orderId, key);
    running.comeBetween();
    t.deepEqual(paid, await other.promise);
    t.deepEqual(await shelf.pay(orderId, key), paid);
    await shelf.add(1n);
  }
  t.is(await running.balance(user), "840.00");
});

flow("a payment that was taken for dead is told as made where another has made it", async (t, engine) => {
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
});

flow(
  "a payment of an order whose cancelling comes to nothing is told as made, under its own key too",
  async (t, engine) => {
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

flow("a card whose redemption one driver is refused while another makes it pays once", async (t, engine) => {
  const { running, user } = await openShelf(engine, t);
  const { id } = await running.newCard(user);

  // The wallet is full; before that is heard of, there is room again, and the recovery has moved the card's value, but
  // hears of it no sooner than the first is through.
  await charge(running, user, almostAll);
  const other = Promise.withResolvers<void>();
  let refused = false;
  running.comeBetween(async (method, call, run) => {
    if (method.name !== "Transfer") return run(call);
    try {
      const answer = await run(call);
      if (refused && isOf(answer, `card-${id}-redeem-1`)) {
        other.resolve();
        await redeeming;
      }
      return answer;
    } catch (error) {
      refused = true;
      await charge(running, user, -almostAll);
      await running.change("UPDATE cards SET due_at = 1 WHERE id = ?", id);
      await other.promise;
      throw error;
    }
  });
  const redeeming = running.redeem(id, user).catch((error: Error) => error);
  t.like(await redeeming, { id, status: GiftCardStatus.USED });
  running.comeBetween();
  await t.throwsAsync(running.redeem(id, user), { message: "Gift card cannot be redeemed" });
  t.is(await running.balance(user), "1000.00");
  t.is(await running.liability(), 0n);
});

flow(
  "a card whose product is sold before its order is paid is as it was, and has paid out nothing",
  async (t, engine) => {
    const shelf = await openShelf(engine, t);
    const { running, user, goods } = shelf;
    const { id } = await running.newCard(user, { giftType: GiftType.ORDER, amount: "100.00", ...goods });
    let soldOut: Promise<void> | undefined;
    running.comeBetween(async (method, call, run) => {
      if (method.name === "CommitHold") {
        soldOut ??= shelf.sellOut();
        await soldOut;
      }
      return run(call);
    });
    await t.throwsAsync(running.order(id, user), { message: "Out of stock" });
    running.comeBetween();
    t.is(await running.stateOf(id), "active");
    t.is(await running.balance(user), "900.00");
    t.is(await running.liability(), 10_000n);
  },
);

flow("who was taken for dead, and had what they began stepped back from, is told to come again", async (t, engine) => {
  const shelf = await openShelf(engine, t);
  const { running, user } = shelf;
  const key = { idempotencyKey: "taken for dead" };
  /** What they ask for first, a transfer mostly, comes when the recovery has had it made never. */
  const stepBackFrom = async (
    ask: () => Promise<unknown>,
    table: "cards" | "orders",
    flow: string,
    { first, never } = { first: "Transfer", never: "VoidTransfer" },
  ) => {
    const service = table === "cards" ? "gift-card" : "payment";
    const voided = Promise.withResolvers<void>();
    let asked = 0;
    running.comeBetween(async (method, call, run) => {
      if (method.name === first && ++asked === 1) {
        await running.changeIn(service, `UPDATE ${table} SET due_at = 1 WHERE state = '${flow}'`);
        await voided.promise;
      }
      const answer = await run(call);
      if (method.name === never) voided.resolve();
      return answer;
    });
    const error = await t.throwsAsync(ask(), { instanceOf: Refusal }, flow);
    t.is((error as Refusal).reason, new Unavailable().reason, flow);
    running.comeBetween();
  };

  const make = () => running.newCard(user, {}, key);
  await stepBackFrom(make, "cards", "making");
  const { id } = await make();
  t.is(await running.balance(user), "900.00");

  const admins = running.clients.of(AdminGiftCardService);
  const change = () => admins.updateGiftCard({ giftCardId: id, amount: "1100.00" }, byAdmin(key));
  await stepBackFrom(change, "cards", "changing");
  await charge(running, user, 10_000n);
  t.is((await change()).giftCard?.amount, "1100.00");
  t.is(await running.balance(user), "0.00");

  const redeem = () => running.redeem(id, user, key);
  await charge(running, user, mostMinorUnits);
  await stepBackFrom(redeem, "cards", "redeeming");
  await charge(running, user, -mostMinorUnits);
  t.is((await redeem()).status, GiftCardStatus.USED);
  t.is(await running.balance(user), "1100.00");

  const orders = running.clients.of(OrderService);
  const items = [{ productId: shelf.goods.productId, quantity: 1n }];
  const place = () => orders.placeOrder({ userId: "me", items }, byUser(user, key));
  await stepBackFrom(place, "orders", "placing", { first: "HoldStock", never: "ReleaseHold" });
  const orderId = (await place()).order?.id ?? 0n;

  await shelf.pay(orderId);
  const cancel = () => orders.cancelOrder({ orderId }, byUser(user, key));
  await charge(running, user, almostAll - 10_000n);
  await stepBackFrom(cancel, "orders", "refunding");
  await charge(running, user, -almostAll);
  t.is((await cancel()).order?.status, OrderStatus.CANCELLED);
  t.is(await running.balance(user), "1000.00");

  const card = await running.newCard(user, { giftType: GiftType.ORDER, ...shelf.goods });
  const order = () => running.order(card.id, user, key);
  await shelf.add(-1n);
  let asked = 0;
  running.comeBetween(async (method, call, run) => {
    if (method.name === "PlaceGiftCardOrder" && ++asked === 1) {
      await running.change("UPDATE cards SET due_at = 1 WHERE state = 'ordering'");
      await eventually(async () => (await running.stateOf(card.id)) === "active");
    }
    return run(call);
  });
  await t.throwsAsync(order(), { instanceOf: Unavailable });
  running.comeBetween();
  await shelf.add(1n);
  t.is((await order()).status, GiftCardStatus.USED);
});

flow("a payment that another driver has made is not told as made once the order is cancelled", async (t, engine) => {
  const shelf = await openShelf(engine, t);
  const { running, user } = shelf;
  const orders = running.clients.of(OrderService);
  for (const key of ["slow", undefined]) {
    const orderId = await shelf.order();

    // The recovery makes it, and the buyer cancels what is paid, before the first driver hears that its stock is sold.
    let commits = 0;
    running.comeBetween(async (method, call, run) => {
      const answer = await run(call);
      if (method.name !== "CommitHold" || ++commits > 1) return answer;
      await running.changeIn("payment", "UPDATE orders SET due_at = 1 WHERE state = 'paying'");
      await eventually(async () => {
        const { order } = await orders.getOrder({ orderId }, byUser(user));
        return order?.status === OrderStatus.COMPLETED;
      });
      await orders.cancelOrder({ orderId }, byUser(user));
      return answer;
    });
    await t.throwsAsync(shelf.pay(orderId, key), { message: "The order has been cancelled" });
    running.comeBetween();
  }
  t.is(await running.balance(user), "1000.00");
});

flow("what two drivers bring to an end is told of once", async (t, engine) => {
  const shelf = await openShelf(engine, t);
  const { running, user, goods } = shelf;
  const admins = running.clients.of(AdminGiftCardService);

  /** The first driver hears of what it has asked for when the recovery has brought the flow to its end. */
  const endTwice = async <T>(rpc: string, flow: string, ask: () => Promise<T>): Promise<T> => {
    const service = ["paying", "refunding"].includes(flow) ? "payment" : "gift-card";
    const table = service === "payment" ? "orders" : "cards";
    let asked = 0;
    running.comeBetween(async (method, call, run) => {
      const answer = await run(call);
      if (method.name !== rpc || ++asked > 1) return answer;
      await running.changeIn(service, `UPDATE ${table} SET due_at = 1 WHERE state = '${flow}'`);
      await eventually(async () => {
        const underWay = `SELECT id FROM ${table} WHERE state = '${flow}'`;
        return (await running.selectIn(service, underWay)).length === 0;
      });
      return answer;
    });
    const answer = await ask();
    running.comeBetween();
    return answer;
  };
  const told = async (service: string, subject: string) => {
    const sql = "SELECT COUNT(*) AS total FROM outbox WHERE subject = ?";
    const [row] = await running.selectIn(service, sql, `giftmesh.${subject}`);
    return Number(row?.total);
  };

  const redeemed = await endTwice("Transfer", "making", () => running.newCard(user));
  t.is(await told("gift-card", "gift-card.created"), 1);
  await endTwice("Transfer", "redeeming", () => running.redeem(redeemed.id, user));
  t.is(await told("gift-card", "gift-card.redeemed"), 1);

  const { id: giftCardId } = await running.newCard(user);
  await endTwice("Transfer", "returning", () => admins.deleteGiftCard({ giftCardId }, byAdmin()));
  t.is(await told("gift-card", "gift-card.returned"), 1);

  const ordered = await running.newCard(user, { giftType: GiftType.ORDER, ...goods });
  await endTwice("PlaceGiftCardOrder", "ordering", () => running.order(ordered.id, user));
  t.is(await told("gift-card", "gift-card.redeemed"), 2);
  await endTwice("GetTransfer", "unordering", () => running.unorder(ordered.id, user));
  t.is(await told("gift-card", "gift-card.redeemed"), 3);

  const [paid, cancelled] = [await told("payment", "order.paid"), await told("payment", "order.cancelled")];
  t.deepEqual([paid, cancelled], [1, 1]);
  const orderId = await shelf.order();
  await endTwice("CommitHold", "paying", () => shelf.pay(orderId));
  t.is(await told("payment", "order.paid"), 2);
  const cancel = () => running.clients.of(OrderService).cancelOrder({ orderId }, byUser(user));
  await endTwice("ReleaseHold", "refunding", cancel);
  t.is(await told("payment", "order.cancelled"), 2);
  t.is(await running.balance(user), "1000.00");
});

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
  return isOf(answer, "-rest-");
}

/** Whether an answer tells of a transfer whose id has this in it. */
function isOf(answer: object, id: string): boolean {
  return "transfer" in answer && (answer.transfer as Transfer | undefined)?.id.includes(id) === true;
}
