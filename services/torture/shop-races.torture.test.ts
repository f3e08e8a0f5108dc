import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import type { Answer } from "../testing/rest-client.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";
import { cancel, type Member, pay, placedIn, placeOrder, type ShownOrder } from "../testing/shop/members.ts";
import { outcomeOf, race, runRounds, tally } from "../testing/shop/racing.ts";
import { openShop, type RunningShop } from "../testing/shop/running-shop.ts";

const rushes = rounds(rounds(1_000));
const duels = rounds(200);
const contenders = 20;
const hastyMembers = 5;

/** Duels that are under way at once, each of another member's. */
const atOnce = 4;

/** An order that is about to be raced for. */
interface Duel {
  readonly shop: RunningShop;
  readonly member: Member;
  readonly round: number;
}

/** Two, or more, who want what cannot all be had. */
interface Kind {
  readonly title: string;
  /** Has them race, and says what they came to, in one line. Whatever comes of it is to come to rest by itself. */
  run(duel: Duel): Promise<string>;
  /** Every line that may be. */
  readonly allowed: readonly string[];
}

const kinds: readonly Kind[] = [
  {
    title: "pay against cancel",
    async run({ shop, member }) {
      const order = await newOrder(shop, member);
      return lineOf(
        await race(
          () => pay(member, order),
          () => cancel(member, order),
        ),
      );
    },
    // Who cancels is never refused: what was paid is given back. While it is, it may yet stay: who pays is to come again.
    allowed: ["200, 200", "400 PAYMENT_NOT_PAYABLE, 200", "503 UNAVAILABLE, 200"],
  },
  {
    title: "pay twice",
    async run({ shop, member }) {
      const order = await newOrder(shop, member);
      const answers = await race(
        () => pay(member, order),
        () => pay(member, order),
        () => pay(member, order),
      );
      return `${lineOf(answers)}, ${areAlike(answers)}`;
    },
    allowed: ["200, 200, 200, alike"],
  },
  {
    title: "order against stock adjustment",
    async run({ shop: { house }, member, round }) {
      const product = await house.addProduct({ stock: 3 });
      const answers = await race(
        () => placeOrder(member, product, 2),
        () => house.adjustStock(product, -2),
      );
      await endOrder(member, answers[0], round);
      return lineOf(answers);
    },
    allowed: ["201, 400 OUT_OF_STOCK", "400 OUT_OF_STOCK, 200"],
  },
  {
    title: "two orders with one coupon",
    async run({ shop: { house }, member, round }) {
      const product = await house.addProduct({ stock: 10 });
      const coupon = await house.addCoupon({ percent: 10, quantity: 1 });
      await member.client.post(`/coupons/${coupon}`);
      const answers = await race(
        () => placeOrder(member, product, 1, coupon),
        () => placeOrder(member, product, 2, coupon),
      );
      for (const answer of answers) await endOrder(member, answer, round);
      return lineOf(answers);
    },
    allowed: ["201, 400 COUPON_ALREADY_USED", "400 COUPON_ALREADY_USED, 201"],
  },
  {
    title: "cancel twice",
    async run({ shop, member, round }) {
      const order = await newOrder(shop, member);
      if (round % 2 === 0) await pay(member, order);
      const answers = await race(
        () => cancel(member, order),
        () => cancel(member, order),
        () => cancel(member, order),
      );
      return `${lineOf(answers)}, ${areAlike(answers)}`;
    },
    allowed: ["200, 200, 200, alike"],
  },
  {
    title: "complete by the vendor against cancel",
    async run({ shop, member }) {
      const order = await newOrder(shop, member);
      await pay(member, order);
      return lineOf(
        await race(
          () => shop.vendor.post(`/api/vendor/v3.1/orders/${order.id}/complete`),
          () => cancel(member, order),
        ),
      );
    },
    // While the money is on its way back it may yet turn out that it cannot go.
    allowed: ["200, 400 ORDER_NOT_CANCELLABLE", "400 ORDER_NOT_COMPLETABLE, 200", "503 UNAVAILABLE, 200"],
  },
];

const found = engines();
await Promise.all(found.map((engine) => engine.remove()));

for (const { name } of found) {
  const shop = lazily(() => openShop(name, contenders));
  test.after.always(`close the shop on ${name}`, () => shop.close());

  test.serial(`of ${contenders} buyers for one unit one gets it, ${rushes} times, on ${name}`, async (t) => {
    t.timeout(timeLimitMs(30));
    const { house, members, faults } = await shop.get();
    await runRounds(rushes, 2, async (round) => {
      const product = await house.addProduct({ stock: 1 });
      const answers = await Promise.all(members.map((member) => placeOrder(member, product)));
      t.deepEqual(tally(answers), { "201": 1, "400 OUT_OF_STOCK": contenders - 1 });
      const winner = answers.findIndex(({ status }) => status === 201);
      await endOrder(members[winner] as Member, answers[winner], round);
    });
    t.deepEqual(await faults(), []);
  });

  test.serial(`of ${contenders} members for one coupon one gets it, ${rushes} times, on ${name}`, async (t) => {
    t.timeout(timeLimitMs(30));
    const { house, members, faults } = await shop.get();
    await runRounds(rushes, 2, async () => {
      const coupon = await house.addCoupon({ percent: 10, quantity: 1 });
      const answers = await Promise.all(members.map(({ client }) => client.post(`/coupons/${coupon}`)));
      t.deepEqual(tally(answers), { "201": 1, "400 COUPON_SOLD_OUT": contenders - 1 });
    });
    t.deepEqual(await faults(), []);
  });

  for (const { title, run, allowed } of kinds) {
    test.serial(`${title}, ${duels} times, leaves stock, money and coupons exact on ${name}`, async (t) => {
      t.timeout(timeLimitMs(30));
      const open = await shop.get();
      const lines: string[] = [];
      await runRounds(duels, atOnce, async (round, place) => {
        lines.push(await run({ shop: open, member: open.members[place] as Member, round }));
      });
      t.deepEqual(
        lines.filter((line) => !allowed.includes(line)),
        [],
      );
      t.log(JSON.stringify(counted(lines)));
      t.deepEqual(await open.faults(), []);
    });
  }

  test.serial(`pay against expiry, ${duels} times, leaves stock and money exact on ${name}`, async (t) => {
    t.timeout(timeLimitMs(30));
    const hasty = await openShop(name, hastyMembers, { ORDER_EXPIRE_AFTER_MS: "400" });
    try {
      const lines: string[] = [];
      // When to pay, in milliseconds from the instant of expiry: so that about half of them come too late.
      let aimMs = -10;
      await runRounds(duels, hastyMembers, async (_, place) => {
        const member = hasty.members[place] as Member;
        const order = await newOrder(hasty, member);
        await sleep(Math.max(0, Date.parse(String(order.expires_at)) + aimMs + Math.random() * 8 - Date.now()));
        const outcome = outcomeOf(await pay(member, order));
        aimMs += outcome === "200" ? 2 : -2;
        lines.push(outcome);
      });
      t.deepEqual(
        lines.filter((line) => line !== "200" && line !== "400 PAYMENT_NOT_PAYABLE"),
        [],
      );
      t.log(JSON.stringify(counted(lines)));
      t.deepEqual(await hasty.faults(), []);
    } finally {
      await hasty.close();
    }
  });
}

async function newOrder({ house }: RunningShop, member: Member): Promise<ShownOrder> {
  return placedIn(await placeOrder(member, await house.addProduct({ stock: 1 })));
}

/** Has an order that was placed come to its end: paid, cancelled, or both. */
async function endOrder(member: Member, answer: Answer | undefined, round: number): Promise<void> {
  if (answer?.status !== 201) return;
  const order = placedIn(answer);
  const ending: Answer[] = [];
  if (round % 3 !== 0) ending.push(await pay(member, order));
  if (round % 3 !== 1) ending.push(await cancel(member, order));
  for (const { status, text } of ending) if (status !== 200) throw new Error(`The order does not end: ${text}`);
}

function lineOf(answers: readonly Answer[]): string {
  return answers.map((answer) => `${outcomeOf(answer)}${doubtIn(answer)}`).join(", ");
}

/** What is odd about the answer to a payment: it is paid, or refused. */
function doubtIn({ status, body }: Answer): string {
  const { payment, order } = (body.data ?? {}) as Partial<Record<"payment" | "order", { readonly status: string }>>;
  if (status !== 200 || !payment || !order) return "";
  return payment.status === "paid" && order.status === "completed" ? "" : ` but ${payment.status}, ${order.status}`;
}

/** Whether answers tell the same. */
function areAlike(answers: readonly Answer[]): string {
  return new Set(answers.map(({ body }) => JSON.stringify(body.data))).size === 1 ? "alike" : "not alike";
}

function counted(lines: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    Array.from(
      Map.groupBy(lines, (line) => line),
      ([line, alike]) => [line, alike.length],
    ),
  );
}

/** A shop that is opened when it is first wanted. */
function lazily(open: () => Promise<RunningShop>) {
  let opened: Promise<RunningShop> | undefined;
  return {
    get: () => {
      opened ??= open();
      return opened;
    },
    close: async () => (await opened)?.close(),
  };
}
