import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import type { Database } from "../platform/database/database.ts";
import { Broker } from "../platform/testing/broker.ts";
import { mysqlEngine, testDatabase } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { cardFaultsIn } from "../testing/gift-cards/books.ts";
import { cardIn, type ShownCard, userBase } from "../testing/gift-cards/cards.ts";
import { type Answer, RestClient } from "../testing/rest-client.ts";
import { adminPassword, unlimited } from "../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";
import { canRunProcesses } from "../testing/servers.ts";
import { listAll, type Member, newMembers } from "../testing/shop/members.ts";
import { SplitMesh } from "../testing/shop/split-mesh.ts";

const killsOfEach = rounds(rounds(20));
const killsInRush = Math.max(2, rounds(rounds(40)));
const membersInAll = 8;

/** How long whoever finds a card half way may take from the restart, in milliseconds. */
const soonMs = 2_000;

/** Long enough for leases of the dead to end, and for the broker to deliver again what they did not acknowledge. */
const patienceMs = 60_000;

/** What is killed in the rush; the gift cards, whose flows these are, twice as often. */
const victims = ["gift-card", "gift-card", "wallet", "profile"] as const;

interface ShownTransaction {
  readonly direction: string;
  readonly reference: string;
}

/** A card that is about to be redeemed by its maker, in a mesh that is about to be broken. */
interface Scene {
  readonly mesh: SplitMesh;
  readonly card: ShownCard;
  /** Looks into the card's row: its state. */
  state(): Promise<string>;
  /** Whether its value has been moved. */
  isMoved(): Promise<boolean>;
}

/** Where in a redeem the process dies. */
interface Moment {
  readonly title: string;
  /** Has the flow stand still there; the request is under way. Afterwards what stands still goes on, without who is killed. */
  hold(scene: Scene): Promise<void>;
}

const moments: readonly Moment[] = [
  {
    title: "once the card is locked, before its value is moved",
    async hold({ state }) {
      await eventually(async () => (await state()) === "redeeming");
    },
  },
  {
    title: "once its value is moved, before the card knows",
    // The lock is there to be seen before the wallet is asked: who stands still too early goes on for a moment.
    async hold({ mesh, state, isMoved }) {
      await eventually(async () => (await state()) === "redeeming");
      await eventually(async () => {
        mesh.pause("gift-card");
        mesh.resume("wallet");
        if (await soon(isMoved)) return true;
        mesh.pause("wallet");
        mesh.resume("gift-card");
        return false;
      });
    },
  },
  {
    title: "once the card is used, before anybody hears of it",
    async hold({ mesh, state }) {
      await eventually(async () => (await state()) === "redeeming");
      mesh.pause("edge");
      mesh.resume("wallet");
      await eventually(async () => (await state()) === "used");
    },
  },
];

const [run, where] = canRunProcesses() ? [test.serial, ""] : [test.skip, " (not without MySQL and NATS)"];

const shared = lazily(openKillableMesh);
test.after.always("stop the mesh", async () => (await shared.opened)?.close());

for (const { title, hold } of moments) {
  run(
    `a redeem that is killed ${title} is finished within 2 s of the restart, ${killsOfEach} times${where}`,
    async (t) => {
      t.timeout(timeLimitMs(30));
      const { mesh, members, cards, ledger, admin } = await shared.get();
      t.teardown(() => mesh.resumeAll());
      const took: number[] = [];
      for (let kill = 0; kill < killsOfEach; kill++) {
        const member = members[kill % members.length] as Member;
        const card = await makePatiently(member);
        const scene: Scene = {
          mesh,
          card,
          state: () => stateOf(cards, card),
          isMoved: async () => (await transfersOf(ledger, card)).length > 0,
        };
        mesh.pause("wallet");
        const asked = redeemWithKey(member, card);
        await hold(scene);
        await mesh.kill("gift-card");
        mesh.resume("wallet");
        mesh.resume("edge");
        // Who asked hears that it is to ask again, or the answer.
        t.true([200, 503].includes((await asked).status));

        await mesh.restart("gift-card");
        const since = performance.now();
        await eventually(async () => (await scene.state()) === "used");
        took.push(performance.now() - since);

        t.is((await transfersOf(ledger, card)).length, 1);
        const [first, second] = [await patiently(() => redeemWithKey(member, card)), await redeemWithKey(member, card)];
        t.is(first.status, 200, first.text);
        t.is((first.body.data as unknown as ShownCard).status, "used");
        t.is(second.text, first.text);
        t.is((await member.client.post(`${userBase}/${card.id}/redeem-wallet`)).status, 400);
      }
      t.log(`${Math.round(Math.max(...took))} ms at most`);
      t.true(Math.max(...took) < soonMs);
      t.deepEqual(await cardFaultsIn(admin, members, patienceMs), []);
    },
  );
}

run(`with the wallet down a redeem is 503 and the card not lost; with it back, finished${where}`, async (t) => {
  const { mesh, members, cards, ledger, admin } = await shared.get();
  const member = members[0] as Member;
  const card = await makePatiently(member);
  await mesh.kill("wallet");
  t.is((await redeemWithKey(member, card)).status, 503);
  t.is(((await member.client.get(`${userBase}/${card.id}`)).body.data as unknown as ShownCard).status, "active");
  await mesh.restart("wallet");
  await eventually(async () => (await stateOf(cards, card)) === "used");
  t.is((await patiently(() => redeemWithKey(member, card))).status, 200);
  t.is((await transfersOf(ledger, card)).length, 1);
  t.deepEqual(await cardFaultsIn(admin, members, patienceMs), []);
});

run(`after ${killsInRush} kill -9 in a rush every card is redeemed once, and every answer true${where}`, async (t) => {
  t.timeout(timeLimitMs(30));
  const { mesh, members, ledger, admin } = await shared.get();
  let isOver = false;
  const redeemed: { readonly card: ShownCard; readonly member: Member }[] = [];
  const rushing = members.map(async (member) => {
    while (!isOver) {
      const card = await makePatiently(member);
      const answer = await patiently(() => redeemWithKey(member, card));
      if (answer.status !== 200) throw new Error(`A card was not redeemed: ${answer.text}`);
      redeemed.push({ card, member });
    }
  });
  for (let kill = 0; kill < killsInRush; kill++) {
    await sleep(300 + Math.random() * 700);
    const victim = victims[Math.floor(Math.random() * victims.length)] ?? "gift-card";
    await mesh.kill(victim);
    await sleep(Math.random() < 0.75 ? 0 : Math.random() * 2_000);
    await mesh.restart(victim);
  }
  isOver = true;
  await Promise.all(rushing);

  t.log(`${redeemed.length} cards`);
  t.deepEqual(await cardFaultsIn(admin, members, patienceMs), []);
  for (const { card } of redeemed) t.is((await transfersOf(ledger, card)).length, 1);
  for (const member of members) {
    const own = redeemed.filter((one) => one.member === member).map(({ card: { id } }) => `card-${id}`);
    const transactions = await listAll<ShownTransaction>(member.client, "/members/me/points/transactions");
    const bought = transactions.filter(({ reference, direction }) => own.includes(reference) && direction === "debit");
    t.is(bought.length, own.length);
  }
  t.deepEqual(mesh.failures, []);
});

/** The mesh as processes of their own, with those who redeem, and a look into two of its databases. */
async function openKillableMesh() {
  const engine = mysqlEngine();
  const broker = await Broker.prepare();
  await broker.start();
  const mesh = await SplitMesh.start({
    ...engine.environment,
    ...unlimited,
    ADMIN_PASSWORD: adminPassword,
    TOKEN_LIFETIME_SECONDS: "86400",
    NATS_URL: broker.url,
  });
  const anonymous = new RestClient(mesh.edgeUrl);
  const admin = await anonymous.login("admin", adminPassword);
  const members = await newMembers(anonymous, membersInAll);
  const cards = await testDatabase(engine, "gift-card", []);
  const ledger = await testDatabase(engine, "wallet", []);
  return {
    mesh,
    admin,
    members,
    cards,
    ledger,
    close: async () => {
      await mesh.stop();
      await Promise.all([cards.close(), ledger.close()]);
      await broker.remove();
      await engine.remove();
    },
  };
}

/** Whether something is so within a second. */
async function soon(isSo: () => Promise<boolean>): Promise<boolean> {
  const until = Date.now() + 1_000;
  while (!(await isSo())) {
    if (Date.now() > until) return false;
    await sleep(10);
  }
  return true;
}

/** Asks again for as long as the answer is to ask again. */
async function patiently(ask: () => Promise<Answer>): Promise<Answer> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer.status !== 503 || Date.now() > giveUpAt) return answer;
    await sleep(50);
  }
}

async function makePatiently({ client }: Member): Promise<ShownCard> {
  const key = { "idempotency-key": randomUUID() };
  return cardIn(await patiently(() => client.post(userBase, { gift_type: "wallet", amount: "10.00" }, key)));
}

function redeemWithKey({ client }: Member, { id }: ShownCard): Promise<Answer> {
  return client.post(`${userBase}/${id}/redeem-wallet`, {}, { "idempotency-key": `redeem ${id}` });
}

async function stateOf(cards: Database, { id }: ShownCard): Promise<string> {
  const [row] = await cards.select({ sql: "SELECT state FROM cards WHERE id = ?", values: [BigInt(id)] });
  return String(row?.state);
}

/** The ids of the transfers that have put a card's value into a wallet. */
async function transfersOf(ledger: Database, { id }: ShownCard): Promise<string[]> {
  const sql = "SELECT id FROM transfers WHERE id LIKE ? AND type <> 'void'";
  return (await ledger.select({ sql, values: [`card-${id}-redeem-%`] })).map((row) => String(row.id));
}

/** What is made when it is first wanted. */
function lazily<T>(make: () => Promise<T>) {
  return {
    opened: undefined as Promise<T> | undefined,
    get(): Promise<T> {
      this.opened ??= make();
      return this.opened;
    },
  };
}
