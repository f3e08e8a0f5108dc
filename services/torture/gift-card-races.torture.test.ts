import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import { cardFaultsIn } from "../testing/gift-cards/books.ts";
import {
  cancelOrder,
  createOrder,
  deleteCard,
  endCards,
  makeCard,
  makeOrderCard,
  redeem,
  updateCard,
} from "../testing/gift-cards/cards.ts";
import type { Answer } from "../testing/rest-client.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";
import { cancel, type Member } from "../testing/shop/members.ts";
import { outcomeOf, race, runRounds, tally } from "../testing/shop/racing.ts";
import { openShop, type RunningShop } from "../testing/shop/running-shop.ts";

const duels = rounds(200);
const rushes = duels;
const contenders = 50;
const membersInAll = 10;

/** Duels that are under way at once, each of another member's. */
const atOnce = 4;

/** A card that is about to be raced for. */
interface Duel {
  readonly shop: RunningShop;
  readonly member: Member;
  readonly round: number;
}

/** Two, or more, who want what cannot all be had. */
interface Kind {
  readonly title: string;
  /** Has them race, and says what they came to, in one line. */
  run(duel: Duel): Promise<string>;
  /** Every line that may be. */
  readonly allowed: readonly string[];
}

const no = "400 GIFT_CARD_NOT_REDEEMABLE";
const final = "400 GIFT_CARD_FINAL";
const gone = "404 GIFT_CARD_NOT_FOUND";

const kinds: readonly Kind[] = [
  {
    title: "redeem against cancel",
    async run({ shop, member }) {
      const card = await makeCard(member);
      return lineOf(
        await race(
          () => redeem(member.client, card),
          () => updateCard(shop.house.admin, card, { status: "cancelled" }),
        ),
      );
    },
    allowed: [`200, ${final}`, `${no}, 200`],
  },
  {
    title: "redeem against delete",
    async run({ shop, member }) {
      const card = await makeCard(member);
      return lineOf(
        await race(
          () => redeem(member.client, card),
          () => deleteCard(shop.house.admin, card),
        ),
      );
    },
    // One that was redeemed can be deleted, too.
    allowed: ["200, 200", `200, ${final}`, `${no}, 200`, `${gone}, 200`],
  },
  {
    title: "redeem against a new amount",
    async run({ shop, member, round }) {
      const card = await makeCard(member);
      const amount = round % 2 === 0 ? "15.00" : "5.00";
      return lineOf(
        await race(
          () => redeem(member.client, card),
          () => updateCard(shop.house.admin, card, { amount }),
        ),
      );
    },
    // While its worth is changed it is active all the same: whoever wants it then is to come again.
    allowed: ["200, 200", `200, ${final}`, "503 UNAVAILABLE, 200"],
  },
  {
    title: "redeem against a bulk update, in which the card is one of three",
    async run({ shop, member, round }) {
      const cards = await Promise.all([makeCard(member), makeCard(member), makeCard(member)]);
      const ids = cards.map(({ id }) => id);
      const [redeeming, updating] = await race(
        () => redeem(member.client, cards[1]),
        () => endCards(shop.house.admin, ids, round % 2 === 0 ? "expired" : "cancelled"),
      );
      return `${outcomeOf(redeeming as Answer)}, ${updating?.body.data?.updated_count}`;
    },
    allowed: ["200, 2", `${no}, 3`],
  },
  {
    title: "order against cancel",
    async run({ shop, member }) {
      const card = await makeOrderCard(member, shop.house);
      return lineOf(
        await race(
          () => createOrder(member.client, card),
          () => updateCard(shop.house.admin, card, { status: "cancelled" }),
        ),
      );
    },
    allowed: [`200, ${final}`, `${no}, 200`],
  },
  {
    title: "order twice against redeem to a wallet",
    async run({ shop, member }) {
      const card = await makeOrderCard(member, shop.house, 5);
      const answers = await race(
        () => createOrder(member.client, card),
        () => redeem(member.client, card),
        () => createOrder(member.client, card),
      );
      return JSON.stringify(tally(answers));
    },
    allowed: [JSON.stringify({ "200": 1, [no]: 2 })],
  },
  {
    title: "cancel an order to a wallet three times",
    async run({ shop, member }) {
      const card = await makeOrderCard(member, shop.house);
      await createOrder(member.client, card);
      const answers = await race(
        () => cancelOrder(member.client, card),
        () => cancelOrder(member.client, card),
        () => cancelOrder(member.client, card),
      );
      return JSON.stringify(tally(answers));
    },
    allowed: [JSON.stringify({ "200": 1, [no]: 2 })],
  },
  {
    title: "cancel an order to a wallet against the vendor's completing it",
    async run({ shop, member }) {
      const card = await makeOrderCard(member, shop.house);
      const { id } = orderIn(await createOrder(member.client, card));
      return lineOf(
        await race(
          () => cancelOrder(member.client, card),
          () => shop.vendor.post(`/api/vendor/v3.1/orders/${id}/complete`),
        ),
      );
    },
    // While the money is on its way back it may yet turn out that it cannot go.
    allowed: ["200, 400 ORDER_NOT_COMPLETABLE", "200, 503 UNAVAILABLE", "400 ORDER_NOT_CANCELLABLE, 200"],
  },
  {
    title: "cancel an order to a wallet against its buyer's cancelling it",
    async run({ shop, member }) {
      const card = await makeOrderCard(member, shop.house);
      const order = orderIn(await createOrder(member.client, card));
      return lineOf(
        await race(
          () => cancelOrder(member.client, card),
          () => cancel(member, order),
        ),
      );
    },
    allowed: ["200, 200"],
  },
];

const found = engines();
await Promise.all(found.map((engine) => engine.remove()));

for (const { name } of found) {
  const shop = lazily(() => openShop(name, membersInAll));
  const faults = async () => {
    const { house, members } = await shop.get();
    return cardFaultsIn(house.admin, members);
  };
  test.after.always(`close the shop on ${name}`, () => shop.close());

  test.serial(`of ${contenders} who redeem one card one gets it, ${rushes} times, on ${name}`, async (t) => {
    t.timeout(timeLimitMs(30));
    const { members } = await shop.get();
    await runRounds(rushes, 1, async (round) => {
      const maker = members[round % members.length] as Member;
      const card = await makeCard(maker);
      const answers = await Promise.all(
        Array.from({ length: contenders }, (_, place) => {
          const { client } = members[place % members.length] as Member;
          const own = client === maker.client ? undefined : card.code;
          return place % 2 === 0
            ? redeem(client, card, own)
            : client.post("/gift-cards/redeem", own ? { code: own } : { gift_card_id: card.id });
        }),
      );
      t.deepEqual(tally(answers), { "200": 1, [no]: contenders - 1 });
    });
    t.deepEqual(await faults(), []);
  });

  test.serial(`64 requests with one key redeem a card once and have one answer, on ${name}`, async (t) => {
    const { members } = await shop.get();
    const member = members[0] as Member;
    const card = await makeCard(member);
    const path = `/api/user/v3.1/gift-cards/${card.id}/redeem-wallet`;
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => member.client.post(path, {}, { "idempotency-key": `redeem ${card.id}` })),
    );
    t.deepEqual(tally(answers), { "200": 64 });
    t.is(new Set(answers.map(({ text }) => text)).size, 1);
    t.deepEqual(await faults(), []);
  });

  for (const { title, run, allowed } of kinds) {
    test.serial(`${title}, ${duels} times, leaves money exact on ${name}`, async (t) => {
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
      t.deepEqual(await faults(), []);
    });
  }

  test.serial(`redeem against expiry, ${duels} times, leaves money exact on ${name}`, async (t) => {
    t.timeout(timeLimitMs(30));
    const { members } = await shop.get();
    const lines: string[] = [];
    // When to redeem, in milliseconds from the instant of expiry: so that about half of them come too late.
    let aimMs = -10;
    await runRounds(duels, membersInAll, async (_, place) => {
      const member = members[place] as Member;
      const expiresAt = Date.now() + 300;
      const card = await makeCard(member, { expires_at: new Date(expiresAt).toISOString() });
      await sleep(Math.max(0, expiresAt + aimMs + Math.random() * 8 - Date.now()));
      const outcome = outcomeOf(await redeem(member.client, card));
      aimMs += outcome === "200" ? 2 : -2;
      lines.push(outcome);
    });
    t.deepEqual(
      lines.filter((line) => line !== "200" && line !== no),
      [],
    );
    t.log(JSON.stringify(counted(lines)));
    t.deepEqual(await faults(), []);
  });
}

/** The order that was made of a card. */
function orderIn({ status, text, body }: Answer): { readonly id: number } {
  if (status !== 200) throw new Error(`There is no order: ${text}`);
  return body.data?.order as { readonly id: number };
}

function lineOf(answers: readonly Answer[]): string {
  return answers.map(outcomeOf).join(", ");
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
