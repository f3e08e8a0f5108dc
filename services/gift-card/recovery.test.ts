import { randomBytes } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { AdminCatalogService } from "../../gen/giftmesh/catalog/v1/admin_catalog_service_pb.ts";
import { AdminGiftCardService } from "../../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { GiftCardStatus, GiftType, RedemptionMethod } from "../../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { GiftCardOrderService } from "../../gen/giftmesh/payment/v1/gift_card_order_service_pb.ts";
import { OrderStatus } from "../../gen/giftmesh/payment/v1/order_pb.ts";
import { OrderService } from "../../gen/giftmesh/payment/v1/order_service_pb.ts";
import { AdminCouponService } from "../../gen/giftmesh/voucher/v1/admin_coupon_service_pb.ts";
import { DiscountType } from "../../gen/giftmesh/voucher/v1/coupon_pb.ts";
import { CouponService } from "../../gen/giftmesh/voucher/v1/coupon_service_pb.ts";
import { LedgerService, SystemAccount } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { TransferType } from "../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { Refusal, Unavailable } from "../platform/refusal.ts";
import { engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { newVerifiedUser } from "./testing/members.ts";
import { type Break, byAdmin, byUser, callOf, RunningCards } from "./testing/running-cards.ts";

const notRedeemable = { message: "Gift card cannot be redeemed" };

/** How long whoever finds a card half way may take, in milliseconds. */
const soonMs = 2_000;

const found = engines();
const all = await Promise.all(found.map(async (engine) => ({ engine, running: await RunningCards.start(engine) })));

for (const { engine, running } of all) {
  test.after.always(`stop the cards on ${engine.name}`, async () => {
    await running.stop();
    await engine.remove();
  });

  /** Has a flow stop half way, as if its process had died there. */
  const stopped = async (t: ExecutionContext, at: Break, flow: () => Promise<unknown>): Promise<void> => {
    running.breakAt(at);
    const error = await t.throwsAsync(flow);
    t.is((error as Unavailable).reason, new Unavailable().reason, error?.message);
    running.breakAt(undefined);
  };

  /** Waits until a card is in a state, and says how long that took, in milliseconds. */
  const comesTo = async (cardId: bigint, state: string): Promise<number> => {
    const since = performance.now();
    await eventually(async () => (await running.stateOf(cardId)) === state);
    return performance.now() - since;
  };

  for (const when of ["before", "after"] as const) {
    const at: Break = { rpc: "Transfer", when };

    test.serial(
      `a redeem that stops ${when} its transfer is finished, with one credit, on ${engine.name}`,
      async (t) => {
        const user = await running.newUser();
        const { id } = await running.newCard(user);
        const key = { idempotencyKey: "redeem" };
        await stopped(t, at, () => running.redeem(id, user, key));
        t.is((await running.look(id, user)).status, GiftCardStatus.ACTIVE);
        await t.throwsAsync(() => running.redeem(id, user), notRedeemable);

        t.true((await comesTo(id, "used")) < soonMs);
        const card = await running.redeem(id, user, key);
        t.like(card, { status: GiftCardStatus.USED, redemptionMethod: RedemptionMethod.WALLET });
        t.deepEqual(await running.redeem(id, user, key), card);
        t.deepEqual(await running.postings(user, id), ["+100.00", "-100.00"]);
        await t.throwsAsync(() => running.redeem(id, user), notRedeemable);
      },
    );

    test.serial(
      `who asks again for a redeem that stopped ${when} its transfer gets it on ${engine.name}`,
      async (t) => {
        const user = await running.newUser();
        const { id } = await running.newCard(user);
        const key = { idempotencyKey: "redeem" };
        await stopped(t, at, () => running.redeem(id, user, key));
        t.is((await running.redeem(id, user, key)).status, GiftCardStatus.USED);
        t.deepEqual(await running.postings(user, id), ["+100.00", "-100.00"]);
      },
    );

    test.serial(`value that stops ${when} it goes back gets there, once, on ${engine.name}`, async (t) => {
      const user = await running.newUser();
      const { id } = await running.newCard(user);
      running.breakAt(at);
      await running.change("UPDATE cards SET expires_at = 1, due_at = 1 WHERE id = ?", id);
      await comesTo(id, "returning");
      running.breakAt(undefined);
      t.is((await running.look(id, user)).status, GiftCardStatus.EXPIRED);

      await comesTo(id, "expired");
      t.deepEqual(await running.postings(user, id), ["+100.00", "-100.00"]);
    });
  }

  test.serial(
    `who redeems a card, hears nothing and asks again, has it though it is readdressed on ${engine.name}`,
    async (t) => {
      const email = `jane-${randomBytes(6).toString("hex")}@example.com`;
      const [maker, jane] = [await running.newUser(), await newVerifiedUser(running, { email })];
      const { id } = await running.newCard(maker, { recipientEmail: email });
      const order = await running.newOrderCard(maker, 1n, { recipientEmail: email });
      const key = { idempotencyKey: "readdressed" };
      await stopped(t, { rpc: "Transfer", when: "after" }, () => running.redeem(id, jane, key));
      await stopped(t, { rpc: "PlaceGiftCardOrder", when: "after" }, () => running.order(order.id, jane, key));
      for (const giftCardId of [id, order.id]) {
        const request = { giftCardId, recipientEmail: `not-${email}` };
        await running.clients.of(AdminGiftCardService).updateGiftCard(request, byAdmin());
        await comesTo(giftCardId, "used");
      }
      t.is((await running.redeem(id, jane, key)).redemptionMethod, RedemptionMethod.WALLET);
      t.is((await running.order(order.id, jane, key)).redemptionMethod, RedemptionMethod.ORDER);
      t.is(await running.balance(jane), "120.00");
      for (const init of [{}, { idempotencyKey: "another" }]) {
        await t.throwsAsync(running.redeem(id, jane, init), { message: "Gift card not found" });
      }
    },
  );

  for (const when of ["before", "after"] as const) {
    test.serial(
      `who deletes a card, hears nothing and asks again, has it deleted (${when}) on ${engine.name}`,
      async (t) => {
        const user = await running.newUser();
        const { id } = await running.newCard(user);
        const remove = (idempotencyKey: string) =>
          running.clients.of(AdminGiftCardService).deleteGiftCard({ giftCardId: id }, byAdmin({ idempotencyKey }));
        await stopped(t, { rpc: "Transfer", when }, () => remove(`delete ${when}`));
        await comesTo(id, "deleted");
        for (let time = 0; time < 2; time++) await t.notThrowsAsync(remove(`delete ${when}`));
        await t.throwsAsync(remove(`another ${when}`), { message: "Gift card not found" });
        t.deepEqual(await running.postings(user, id), ["+100.00", "-100.00"]);
      },
    );
  }

  test.serial(
    `an order whose cancelling has stopped is listed as what it is shown as, on ${engine.name}`,
    async (t) => {
      const user = await running.newUser();
      const { id } = await running.newOrderCard(user);
      await running.order(id, user);
      running.breakAt({ rpc: "Transfer", when: "before" });
      await t.throwsAsync(() => running.unorder(id, user));
      const listed = async (status?: OrderStatus) => {
        const request = status === undefined ? {} : { status };
        const { orders } = await running.clients.of(OrderService).listOrders(request, byUser(user));
        return orders.map((order) => order.status);
      };
      t.deepEqual(await listed(), [OrderStatus.PENDING]);
      t.deepEqual(await listed(OrderStatus.PENDING), [OrderStatus.PENDING]);
      t.deepEqual(await listed(OrderStatus.COMPLETED), []);
      running.breakAt(undefined);
      await running.unorder(id, user).catch(() => undefined);
      await eventually(async () => (await listed(OrderStatus.CANCELLED)).length === 1);
      t.deepEqual(await listed(OrderStatus.PENDING), []);
    },
  );

  test.serial(`a card whose making stops before it is paid never is, on ${engine.name}`, async (t) => {
    const user = await running.newUser();
    await stopped(t, { rpc: "Transfer", when: "before" }, () => running.newCard(user));
    const [row] = await running.select("SELECT id FROM cards WHERE sender_id = ?", user);
    const id = row?.id as bigint;
    await t.throwsAsync(() => running.look(id, user), { message: "Gift card not found" });
    await comesTo(id, "failed");
    t.is(await running.balance(user), "1000.00");
    await t.throwsAsync(() => running.redeem(id, user), { message: "Gift card not found" });
  });

  test.serial(`a card whose making stops once it is paid is made, on ${engine.name}`, async (t) => {
    const user = await running.newUser();
    const key = { idempotencyKey: "make" };
    await stopped(t, { rpc: "Transfer", when: "after" }, () => running.newCard(user, {}, key));
    const [row] = await running.select("SELECT id FROM cards WHERE sender_id = ?", user);
    const id = row?.id as bigint;
    await comesTo(id, "active");
    t.is((await running.newCard(user, {}, key)).id, id);
    t.is(await running.balance(user), "900.00");
  });

  test.serial(
    `a card that was told to nobody, and has been deleted since, is not told as made, on ${engine.name}`,
    async (t) => {
      const user = await running.newUser();
      const make = () => running.newCard(user, {}, { idempotencyKey: "made and deleted" });
      await stopped(t, { rpc: "Transfer", when: "after" }, make);
      await running.change("UPDATE cards SET due_at = 1 WHERE sender_id = ?", user);
      const [row] = await running.select("SELECT id FROM cards WHERE sender_id = ?", user);
      const giftCardId = row?.id as bigint;
      await comesTo(giftCardId, "active");
      await running.clients.of(AdminGiftCardService).deleteGiftCard({ giftCardId }, byAdmin());
      for (let time = 0; time < 2; time++) await t.throwsAsync(make, { message: "Gift card not found" });
      t.is(await running.balance(user), "1000.00");
    },
  );

  test.serial(
    `who asks again for a card that could not be paid gets another, paid once, on ${engine.name}`,
    async (t) => {
      const user = await running.newUser();
      const key = { idempotencyKey: "make" };
      await stopped(t, { rpc: "Transfer", when: "before" }, () => running.newCard(user, {}, key));
      const { id } = await running.newCard(user, {}, key);
      t.is((await running.newCard(user, {}, key)).id, id);
      t.is(await running.balance(user), "900.00");
    },
  );

  test.serial(
    `who asks again for a card that was paid gets it, though it could not be had any more, on ${engine.name}`,
    async (t) => {
      const user = await running.newUser();
      const goods = await running.newGoods(1n);
      const make = () =>
        running.newCard(user, { giftType: GiftType.ORDER, ...goods }, { idempotencyKey: "before it costs more" });
      await stopped(t, { rpc: "Transfer", when: "after" }, make);
      const { productId } = goods;
      await running.clients.of(AdminCatalogService).updateProduct({ productId, price: "150.00" }, byAdmin());
      const { id } = await make();
      t.is((await make()).id, id);
      t.is(await running.balance(user), "900.00");
    },
  );

  test.serial(`a request that made a card a day ago makes another, paid for, on ${engine.name}`, async (t) => {
    const user = await running.newUser();
    const key = { idempotencyKey: "monthly" };
    const { id } = await running.newCard(user, {}, key);
    for (const table of ["cards", "receipts"])
      await running.change(`UPDATE ${table} SET created_at = created_at - 86400000000`);
    const [one, other] = await Promise.all([running.newCard(user, {}, key), running.newCard(user, {}, key)]);
    t.not(one.id, id);
    t.is(one.id, other.id);
    t.is(await running.balance(user), "800.00");
    t.is((await running.redeem(id, user)).status, GiftCardStatus.USED);
  });

  for (const at of [
    { rpc: "PlaceGiftCardOrder", when: "before" },
    { rpc: "PlaceGiftCardOrder", when: "after" },
  ] as const) {
    test.serial(`an order that stops ${at.when} it is placed is placed, once, on ${engine.name}`, async (t) => {
      const user = await running.newUser();
      const { id } = await running.newOrderCard(user);
      const key = { idempotencyKey: "order" };
      await stopped(t, at, () => running.order(id, user, key));
      t.true((await comesTo(id, "used")) < soonMs);
      const card = await running.order(id, user, key);
      t.like(card, { status: GiftCardStatus.USED, redemptionMethod: RedemptionMethod.ORDER });
      t.is(await running.balance(user), "920.00");
    });
  }

  for (const at of [
    { rpc: "CancelGiftCardOrder", when: "before" },
    { rpc: "CancelGiftCardOrder", when: "after" },
    { rpc: "GetTransfer", when: "before" },
  ] as const) {
    test.serial(`a cancelling that stops ${at.when} ${at.rpc} is finished on ${engine.name}`, async (t) => {
      const user = await running.newUser();
      const { id } = await running.newOrderCard(user);
      await running.order(id, user);
      const key = { idempotencyKey: "cancel" };
      await stopped(t, at, () => running.unorder(id, user, key));
      t.is((await running.look(id, user)).redemptionMethod, RedemptionMethod.ORDER);
      t.true((await comesTo(id, "used")) < soonMs);
      const card = await running.unorder(id, user, key);
      t.is(card.redemptionMethod, RedemptionMethod.WALLET);
      t.is(card.walletTransaction?.amount, "80.00");
      t.is(await running.balance(user), "1000.00");
    });
  }

  test.serial(
    `who asks again for an order that cost nothing, and was paid meanwhile, is told so, on ${engine.name}`,
    async (t) => {
      const user = await running.newUser();
      const { productId } = await running.newGoods(1n);
      const free = { name: "Free", discountType: DiscountType.PERCENT, discountValue: "100", totalQuantity: 1n };
      const { coupon } = await running.clients.of(AdminCouponService).createCoupon(free, byAdmin());
      const couponId = coupon?.id ?? 0n;
      await running.clients.of(CouponService).claimCoupon({ couponId }, byUser(user));
      const wanted = { userId: "me", items: [{ productId, quantity: 1n }], couponId };
      const key = { idempotencyKey: "free" };
      const place = () => running.clients.of(OrderService).placeOrder(wanted, byUser(user, key));
      await stopped(t, { rpc: "CommitHold", when: "before" }, place);
      await running.changeIn("payment", "UPDATE orders SET due_at = 1 WHERE user_id = ?", user);
      const isPaid = "SELECT id FROM orders WHERE user_id = ? AND state = 'completed'";
      await eventually(async () => (await running.selectIn("payment", isPaid, user)).length === 1);
      const placed = await place();
      t.is(placed.order?.status, OrderStatus.COMPLETED);
      t.deepEqual(await place(), placed);
    },
  );

  test.serial(`the id of a card's order is one order's, of the same content, on ${engine.name}`, async (t) => {
    const [userId, another] = [await running.newUser(), await running.newUser("0")];
    const [goods, others] = [await running.newGoods(9n), await running.newGoods(9n)];
    const sar = (minorUnits: bigint) => ({ currencyCode: "SAR", minorUnits });
    const { productId } = goods;
    const wanted = {
      id: "card-0-order-1",
      userId,
      giftCardId: 1n,
      productId,
      price: sar(8_000n),
      amount: sar(10_000n),
    };
    const orders = running.clients.of(GiftCardOrderService);
    const { order } = await orders.placeGiftCardOrder(wanted, callOf());
    t.deepEqual((await orders.placeGiftCardOrder(wanted, callOf())).order, order);
    for (const changes of [
      { userId: another },
      { giftCardId: 2n },
      { productId: others.productId },
      { offerId: 1n },
      { price: sar(7_000n) },
      { amount: sar(9_000n) },
    ]) {
      const asked = orders.placeGiftCardOrder({ ...wanted, ...changes }, callOf());
      const error = await t.throwsAsync(asked, { instanceOf: Refusal }, Object.keys(changes).join());
      t.is((error as Refusal).reason, "ORDER_ID_REUSED");
    }
    // Its money was no card's.
    await orders.cancelGiftCardOrder({ id: wanted.id }, callOf());
    const [liability, wallet] = [SystemAccount.GIFT_CARD_LIABILITY, { case: "userId", value: userId } as const];
    const back = { debit: { owner: wallet }, credit: { owner: { case: "system", value: liability } as const } };
    const transfer = { id: `back-${userId}`, ...back, amount: sar(10_000n), type: TransferType.CHARGE };
    await running.clients.of(LedgerService).transfer({ ...transfer, reference: "test" }, callOf());
  });

  test.serial(`stock is held for a minute longer than its order can be paid, on ${engine.name}`, async (t) => {
    const user = await running.newUser();
    const { productId } = await running.newGoods(1n);
    const wanted = { userId: "me", items: [{ productId, quantity: 1n }] };
    const { order } = await running.clients.of(OrderService).placeOrder(wanted, byUser(user));
    const [placed] = await running.selectIn("payment", "SELECT expires_at FROM orders WHERE id = ?", order?.id ?? 0n);
    const [held] = await running.selectIn("catalog", "SELECT due_at FROM holds WHERE id = ?", `order-${order?.id}`);
    t.is((held?.due_at as bigint) - (placed?.expires_at as bigint), 60_000_000n);
  });

  test.serial(`nothing is owed but on cards that can be redeemed, on ${engine.name}`, async (t) => {
    const [row] = await running.select("SELECT SUM(amount) AS total FROM cards WHERE facet IN (1, 5)");
    t.is(await running.liability(), BigInt(String(row?.total ?? 0)));
  });
}
