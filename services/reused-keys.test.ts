import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AdminGiftCardService } from "../gen/giftmesh/giftcard/v1/admin_gift_card_service_pb.ts";
import { GiftCardStatus, GiftType } from "../gen/giftmesh/giftcard/v1/gift_card_pb.ts";
import { OrderService } from "../gen/giftmesh/payment/v1/order_service_pb.ts";
import { PaymentService } from "../gen/giftmesh/payment/v1/payment_service_pb.ts";
import { PointsService } from "../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { byAdmin, byUser, type RunningCards } from "./gift-card/testing/running-cards.ts";
import { startTwoReplicas } from "./gift-card/testing/two-replicas.ts";
import { type Refusal, Unavailable } from "./platform/refusal.ts";

const rounds = 8;
const duplicates = 3;

/** The first RPC that each of these flows asks of another service, or of itself: where it is held. */
const firstCalls = ["Transfer", "HoldStock", "ReleaseHold", "PlaceGiftCardOrder", "CancelGiftCardOrder"];

/** Asks a replica for something under a key. */
type Ask = (replica: RunningCards, idempotencyKey: string) => Promise<unknown>;

/** Two requests of one caller that have different bodies, and what they have come to. */
interface Duel {
  readonly asks: readonly [Ask, Ask];
  /** What there is to be seen of them, in one line. */
  effect(): Promise<string>;
  /** That line where only the first has had its effect, and where only the second has. */
  readonly expected: readonly [string, string];
}

const replicas = await startTwoReplicas();
const { declare } = replicas;

const duels: Readonly<Record<string, () => Promise<Duel>>> = {
  "making a card": async () => {
    const userId = await replicas.here.newUser();
    return {
      asks: both(
        (amount) => (replica, idempotencyKey) => replica.newCard(userId, { amount }, { idempotencyKey }),
        ["100.00", "200.00"],
      ),
      effect: async () => `${await replicas.here.balance(userId)}, ${await cardsOf(userId)}`,
      expected: ["900.00, 1 active", "800.00, 1 active"],
    };
  },
  "making a card for the house": async () => {
    const [one, other] = [await replicas.here.newUser("0"), await replicas.here.newUser("0")];
    const issue = (userId: bigint): Ask => {
      const wanted = { giftType: GiftType.WALLET, amount: "100.00", userId };
      return (replica, key) => replica.clients.of(AdminGiftCardService).issueGiftCard(wanted, admin(key));
    };
    return {
      asks: both(issue, [one, other]),
      effect: async () => `${await cardsOf(one)}, ${await cardsOf(other)}`,
      expected: ["1 active, ", ", 1 active"],
    };
  },
  "redeeming a card": async () =>
    onTwoCards((userId) => replicas.here.newCard(userId), {
      ask: (id, userId) => (replica, idempotencyKey) => replica.redeem(id, userId, { idempotencyKey }),
      before: ["active", "800.00"],
      after: ["used", "900.00"],
    }),
  "ordering a card's product": async () =>
    onTwoCards((userId) => replicas.here.newOrderCard(userId), {
      ask: (id, userId) => (replica, idempotencyKey) => replica.order(id, userId, { idempotencyKey }),
      before: ["active", "800.00"],
      after: ["used", "820.00"],
    }),
  "cancelling a card's order": async () => {
    const ordered = async (userId: bigint) => {
      const card = await replicas.here.newOrderCard(userId);
      await replicas.here.order(card.id, userId);
      return card;
    };
    return onTwoCards(ordered, {
      ask: (id, userId) => (replica, idempotencyKey) => replica.unorder(id, userId, { idempotencyKey }),
      before: ["used", "840.00"],
      after: ["used", "920.00"],
    });
  },
  "changing what a card is worth": async () => {
    const userId = await replicas.here.newUser();
    const { id } = await replicas.here.newCard(userId);
    const update = (amount: string): Ask => {
      const wanted = { giftCardId: id, amount };
      return (replica, key) => replica.clients.of(AdminGiftCardService).updateGiftCard(wanted, admin(key));
    };
    return {
      asks: both(update, ["150.00", "250.00"]),
      effect: () => replicas.here.balance(userId),
      expected: ["850.00", "750.00"],
    };
  },
  "deleting a card": async () =>
    onTwoCards((userId) => replicas.here.newCard(userId), {
      ask: (giftCardId) => (replica, key) =>
        replica.clients.of(AdminGiftCardService).deleteGiftCard({ giftCardId }, admin(key)),
      before: ["active", "800.00"],
      after: ["deleted", "900.00"],
    }),
  "cancelling cards, many at once": async () => {
    const userId = await replicas.here.newUser();
    const cards = [];
    for (let one = 0; one < 6; one++) cards.push((await replicas.here.newCard(userId)).id);
    const end = (giftCardIds: bigint[]): Ask => {
      const wanted = { giftCardIds, status: GiftCardStatus.CANCELLED };
      return (replica, key) => replica.clients.of(AdminGiftCardService).bulkUpdateGiftCardStatus(wanted, admin(key));
    };
    return {
      asks: both(end, [cards.slice(0, 2), cards.slice(2)]),
      effect: async () => `${await replicas.here.balance(userId)}, ${await cardsOf(userId)}`,
      expected: ["600.00, 4 active, 2 cancelled", "800.00, 2 active, 4 cancelled"],
    };
  },
  "placing an order": async () => {
    const userId = await replicas.here.newUser();
    const { productId } = await replicas.here.newGoods(10n);
    const place = (quantity: bigint): Ask => {
      const wanted = { userId: "me", items: [{ productId, quantity }] };
      return (replica, idempotencyKey) =>
        replica.clients.of(OrderService).placeOrder(wanted, byUser(userId, { idempotencyKey }));
    };
    return { asks: both(place, [2n, 3n]), effect: () => ordersOf(userId), expected: ["1 of 160.00", "1 of 240.00"] };
  },
  "paying an order": async () =>
    onTwoOrders({
      ask: (paymentId, userId) => (replica, idempotencyKey) =>
        replica.clients.of(PaymentService).payPayment({ paymentId }, byUser(userId, { idempotencyKey })),
      after: "920.00",
    }),
  "cancelling an order": async () =>
    onTwoOrders({
      isPaid: true,
      ask: (orderId, userId) => (replica, idempotencyKey) =>
        replica.clients.of(OrderService).cancelOrder({ orderId }, byUser(userId, { idempotencyKey })),
      after: "920.00",
    }),
  "charging a wallet": async () => {
    const userId = await replicas.here.newUser("0");
    const charge = (amount: string): Ask => {
      const wanted = { memberId: "me", amount };
      return (replica, idempotencyKey) =>
        replica.clients.of(PointsService).chargePoints(wanted, byUser(userId, { idempotencyKey }));
    };
    return {
      asks: both(charge, ["10.00", "20.00"]),
      effect: () => replicas.here.balance(userId),
      expected: ["10.00", "20.00"],
    };
  },
};

for (const [title, prepare] of Object.entries(duels)) {
  if (title !== "charging a wallet") {
    declare(`${title}: while one request is under way, another under its key does nothing`, async (t) => {
      const [first, second] = [replicas.here, replicas.there];
      const { asks, effect, expected } = await prepare();
      const key = randomUUID();
      const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      first.comeBetween(async (method, call, run) => {
        if (!firstCalls.includes(method.name)) return run(call);
        reached.resolve();
        await gate.promise;
        return run(call);
      });
      const asked = asks[0](first, key);
      await reached.promise;
      const reason = await reasonOf(asks[1](second, key));
      first.comeBetween();
      gate.resolve();
      const answer = await asked;
      t.is(reason, "IDEMPOTENCY_KEY_REUSED");
      t.deepEqual(await asks[0](second, key), answer);
      t.is(await reasonOf(asks[1](first, key)), "IDEMPOTENCY_KEY_REUSED");
      t.is(await effect(), expected[0]);
    });
  }

  declare(`${title}: of two requests under one key, sent to two replicas at once, one has its effect`, async (t) => {
    const wins = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const { asks, effect, expected } = await prepare();
      const key = randomUUID();
      const sent = shuffled([0, 1].flatMap((which) => Array.from({ length: duplicates * 2 }, () => which)));
      const settled = await Promise.allSettled(
        sent.map((which, index) => {
          const replica = index % 2 === 0 ? replicas.here : replicas.there;
          return patiently(() => known(asks[which])(replica, key));
        }),
      );
      const reasons = settled.flatMap((one) => (one.status === "rejected" ? [(one.reason as Refusal).reason] : []));
      t.deepEqual([...new Set(reasons)], ["IDEMPOTENCY_KEY_REUSED"]);
      const winners = new Set(sent.filter((_, index) => settled[index]?.status === "fulfilled"));
      t.is(winners.size, 1);
      const [winner = 0] = winners;
      t.is(await effect(), known(expected[winner]));
      const answers = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      t.is(answers.length, duplicates * 2);
      for (const answer of answers) t.deepEqual(answer, answers[0]);
      wins[winner] = (wins[winner] ?? 0) + 1;
    }
    t.log(`${wins.join(" to ")}`);
  });
}

/** The same request on either of two new cards of somebody who had 1000.00. */
async function onTwoCards(
  make: (userId: bigint) => Promise<{ readonly id: bigint }>,
  {
    ask,
    before,
    after,
  }: {
    readonly ask: (cardId: bigint, userId: bigint) => Ask;
    /** The state of a card, and the balance, before it is asked for and after. */
    readonly before: readonly [string, string];
    readonly after: readonly [string, string];
  },
): Promise<Duel> {
  const userId = await replicas.here.newUser();
  const [one, other] = [await make(userId), await make(userId)];
  const line = (first: string, second: string) => `${first}, ${second}, ${after[1]}`;
  return {
    asks: [ask(one.id, userId), ask(other.id, userId)],
    async effect() {
      const states = [await replicas.here.stateOf(one.id), await replicas.here.stateOf(other.id)];
      return `${states.join(", ")}, ${await replicas.here.balance(userId)}`;
    },
    expected: [line(after[0], before[0]), line(before[0], after[0])],
  };
}

/** The same request on either of two orders of 80.00 of somebody who had 1000.00. */
async function onTwoOrders({
  ask,
  after,
  isPaid = false,
}: {
  readonly ask: (orderId: bigint, userId: bigint) => Ask;
  /** The balance, once one has had its effect. */
  readonly after: string;
  readonly isPaid?: boolean;
}): Promise<Duel> {
  const { here: mesh } = replicas;
  const userId = await mesh.newUser();
  const { productId } = await mesh.newGoods(2n);
  const place = async () => {
    const wanted = { userId: "me", items: [{ productId, quantity: 1n }] };
    const { order } = await mesh.clients.of(OrderService).placeOrder(wanted, byUser(userId));
    const id = order?.id ?? 0n;
    if (isPaid) await mesh.clients.of(PaymentService).payPayment({ paymentId: id }, byUser(userId));
    return id;
  };
  const [one, other] = [await place(), await place()];
  return {
    asks: [ask(one, userId), ask(other, userId)],
    effect: () => mesh.balance(userId),
    expected: [after, after],
  };
}

function both<T>(ask: (what: T) => Ask, [one, other]: readonly [T, T]): [Ask, Ask] {
  return [ask(one), ask(other)];
}

function admin(idempotencyKey: string) {
  return byAdmin({ idempotencyKey });
}

/** How many cards somebody has made, by state. */
async function cardsOf(userId: bigint): Promise<string> {
  const sql = "SELECT state, COUNT(*) AS total FROM cards WHERE sender_id = ? GROUP BY state ORDER BY state";
  return (await replicas.here.select(sql, userId)).map(({ state, total }) => `${total} ${state}`).join(", ");
}

/** What somebody has ordered. */
async function ordersOf(userId: bigint): Promise<string> {
  const { orders } = await replicas.here.clients.of(OrderService).listOrders({}, byUser(userId));
  return `${orders.length} of ${orders.map(({ totalAmount }) => totalAmount).join(", ")}`;
}

/** Asks again for as long as it is told to, as the clients of services do. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await sleep(20);
    }
  }
}

async function reasonOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => "answered",
    (error: Refusal) => error.reason,
  );
}

function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((one) => [Math.random(), one] as const)
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("It is not there");
  return value;
}
