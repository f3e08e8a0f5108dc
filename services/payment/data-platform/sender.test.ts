import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { byClock } from "../../platform/testing/clocks.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { allSent, flow, haveAllCome, ordersByUser } from "./testing/flow.ts";
import { orders } from "./testing/orders.ts";
import { startPickyPlatform } from "./testing/picky-platform.ts";
import { fastPace } from "./testing/shop.ts";

const hourMs = 3_600_000;

flow("what happens is sent at once, though nobody looks for it", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url, { pace: { ...fastPace, pollMs: hourMs } });
  for (let orderId = 1; orderId <= 5; orderId++) {
    await shop.happen({ orderId, userId: 3 });
    await eventually(async () => platform.events.length === orderId);
  }
  await shop.happen({ orderId: 5, userId: 3, type: "order.cancelled" });
  await allSent(shop);
  t.deepEqual(
    platform.events.map(({ id }) => id),
    ["order-1-paid", "order-2-paid", "order-3-paid", "order-4-paid", "order-5-paid", "order-5-cancelled"],
  );
  t.like(platform.events[5], { type: "order.cancelled", data: { id: 5, user_id: 3, status: "cancelled" } });
});

flow("what happens to one user at once is sent one after the other, though nobody looks for it", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url, { pace: { ...fastPace, pollMs: hourMs } });
  await shop.happen({ orderId: 1, userId: 3 });
  await allSent(shop);
  const together = [2, 3, 4, 5, 6].map((orderId) => ({ orderId, userId: 3 }));
  await shop.happen(...together);
  await allSent(shop);
  haveAllCome(t, platform, [{ orderId: 1, userId: 3 }, ...together]);
});

flow("whatever fails, everything comes, and of each user in order", async (t, scene) => {
  const platform = await scene.platform();
  platform.behave({ failureRate: 0.5 });
  const pace = { ...fastPace, policy: { attempts: 1_000, firstMs: 1, mostMs: 2 } };
  const shop = await scene.shop(platform.url, { pace });
  const happenings = orders(40, 10);
  for (let first = 0; first < happenings.length; first += 25) {
    await shop.happen(...happenings.slice(first, first + 25));
  }
  await allSent(shop);
  haveAllCome(t, platform, happenings);
});

flow("many users are sent to at once, and none of them twice", async (t, scene) => {
  const platform = await startPickyPlatform(() => 204, 10);
  scene.atEnd(() => platform.stop());
  const shop = await scene.shop(platform.url);
  await shop.happen(...orders(50, 6));
  await allSent(shop);
  t.is(platform.attempts.length, 300);
  t.is(platform.mostAtOnce, 16);
  t.is(platform.mostAtOnceOfOneUser, 1);
});

flow("one user with very many deliveries holds up nobody else", async (t, scene) => {
  const platform = await startPickyPlatform(() => 204, 1);
  scene.atEnd(() => platform.stop());
  const shop = await scene.shop(platform.url);
  await shop.happen(...Array.from({ length: 1_500 }, (_, index) => ({ orderId: index + 1, userId: 1 })));
  await eventually(async () => platform.attempts.length > 0);
  await shop.happen({ orderId: 5_000, userId: 2 });
  await eventually(async () => platform.attempts.some(({ userId }) => userId === 2));
  t.true(platform.attempts.length < 1_500);
});

flow("a delivery that is not taken holds up its user until it is dead, and nobody else", async (t, scene) => {
  let isPoison = true;
  const platform = await startPickyPlatform(({ orderId }) => (orderId === 1 && isPoison ? 422 : 204));
  scene.atEnd(() => platform.stop());
  const shop = await scene.shop(platform.url);
  await shop.happen(...orders(5, 4));
  await allSent(shop);
  const ofUser = platform.attempts.filter(({ userId }) => userId === 1).map(({ orderId }) => orderId);
  t.deepEqual(ofUser, [...Array(12).fill(1), 6, 11, 16]);
  t.is(platform.attempts.length, 12 + 19);
  t.deepEqual(await shop.counts(), { waiting: 0, dead: 1 });
  const { deliveries } = await shop.platform.listDeadDeliveries({}, shop.call);
  t.like(deliveries[0], {
    id: "order-1-paid",
    type: "order.paid",
    orderId: 1n,
    userId: 1n,
    attempts: 12,
    error: "422",
  });
  t.like(JSON.parse(deliveries[0]?.body ?? ""), { type: "order.paid", data: { id: 1 } });
  t.is(await shop.metric("dead"), 1);

  isPoison = false;
  const { replayedCount } = await shop.platform.replayDeliveries(
    { selection: { case: "dead", value: true } },
    shop.call,
  );
  t.is(replayedCount, 1n);
  await allSent(shop);
  t.deepEqual(await shop.counts(), { waiting: 0, dead: 0 });
  t.is(platform.attempts.at(-1)?.id, "order-1-paid");
  // Counted right after the database knows.
  await eventually(async () => (await shop.metric("sent_total")) === 20);
  t.is(await shop.metric("waiting"), 0);
});

flow("a platform that is down costs no delivery an attempt, and has everything once it is back", async (t, scene) => {
  const first = await scene.platform();
  const shop = await scene.shop(first.url);
  const happenings = orders(100, 3);
  await shop.happen(...happenings.slice(0, 100));
  await allSent(shop);
  await first.stop();
  await shop.happen(...happenings.slice(100));
  t.is((await shop.counts()).waiting, 200);
  // It is asked again and again meanwhile.
  await sleep(200);
  const second = await scene.platform({ port: first.port });
  await allSent(shop);
  const [row] = await shop.database.select({ sql: "SELECT MAX(attempts) AS most FROM deliveries", values: [] });
  t.is(row?.most, 0n);
  haveAllCome(t, second, happenings.slice(100));
});

flow("a platform that takes nothing now is asked by one delivery at a time", async (t, scene) => {
  let isOverloaded = true;
  const platform = await startPickyPlatform(() => (isOverloaded ? 503 : 204));
  scene.atEnd(() => platform.stop());
  const shop = await scene.shop(platform.url, { pace: { ...fastPace, away: { firstMs: 2, mostMs: 2 } } });
  await shop.happen(...orders(100, 1));
  await eventually(async () => platform.attempts.length >= 60);
  // Those at the beginning were under way when the first was answered.
  t.true(platform.attempts.slice(16, 60).every(({ atOnce }) => atOnce === 1));
  isOverloaded = false;
  await allSent(shop);
  t.deepEqual(await shop.counts(), { waiting: 0, dead: 0 });
});

flow("what was not taken is tried again in its time, though the clock is set back meanwhile", async (t, scene) => {
  let takesNothing = true;
  const platform = await startPickyPlatform(() => (takesNothing ? 503 : 204));
  scene.atEnd(() => platform.stop());
  const pace = { ...fastPace, policy: { attempts: 1_000, firstMs: 100, mostMs: 100 } };
  const shop = await scene.shop(platform.url, { pace });
  await shop.happen(...orders(3, 2));
  await eventually(async () => platform.attempts.length >= 6);
  takesNothing = false;
  await byClock(-hourMs, () => allSent(shop));
  t.deepEqual(await shop.counts(), { waiting: 0, dead: 0 });
});

flow("an event that is added twice is sent once", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url);
  await shop.happen({ orderId: 1, userId: 3 });
  await shop.happen({ orderId: 1, userId: 3 }, { orderId: 2, userId: 3 });
  await allSent(shop);
  t.like(platform.events, { 0: { id: "order-1-paid", repeats: 0 }, 1: { id: "order-2-paid", repeats: 0 }, length: 2 });
});

flow("without a platform, a file has everything, and of each user in order", async (t, scene) => {
  const shop = await scene.shop(undefined);
  const happenings = orders(20, 5);
  await shop.happen(...happenings);
  await allSent(shop);
  const file = join(scene.engine.environment.DATA_DIR ?? "", "data-platform.jsonl");
  const events = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  t.is(events.length, 100);
  t.deepEqual(
    events.map(({ data }) => data.id).toSorted((a, b) => a - b),
    happenings.map(({ orderId }) => orderId),
  );
  t.deepEqual(ordersByUser({ events }).get(7), [7, 27, 47, 67, 87]);
});
