import { InvalidFields } from "../../platform/refusal.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { type Instant, toTimestamp } from "../../platform/time.ts";
import { Deliveries } from "./deliveries.ts";
import { allSent, flow, haveAllCome, ordersByUser } from "./testing/flow.ts";
import { orders } from "./testing/orders.ts";
import { type Attempt, startPickyPlatform } from "./testing/picky-platform.ts";
import { fastPace, type Shop } from "./testing/shop.ts";

const base = 1_795_000_000_000_000n;
const second = 1_000_000n;

/** Orders of so many users, a second apart: the first one at `base`. */
const orderly = (users: number, each: number) =>
  orders(users, each).map((one, index) => ({ ...one, occurredAt: base + BigInt(index) * second }));

function replay(shop: Shop, from: Instant, to?: Instant) {
  const selection = { case: "from" as const, value: toTimestamp(from) };
  return shop.platform.replayDeliveries({ selection, ...(to !== undefined && { to: toTimestamp(to) }) }, shop.call);
}

flow("what happened since an instant is sent again, as it was, and each user's in order", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url);
  const happenings = orderly(7, 100);
  await shop.happen(...happenings);
  await allSent(shop);
  const before = new Map(platform.events.map(({ id, received_at, ...event }) => [id, event]));
  platform.forget();
  const { replayedCount } = await replay(shop, base + 300n * second);
  t.is(replayedCount, 400n);
  await allSent(shop);
  haveAllCome(t, platform, happenings.slice(300));
  for (const { id, received_at, ...event } of platform.events) t.deepEqual(event, before.get(id));
});

flow("a replay may end at an instant, which it includes, as it does its first", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url);
  const happenings = orderly(3, 4);
  await shop.happen(...happenings);
  await allSent(shop);
  platform.forget();
  t.like(await replay(shop, base + 2n * second, base + 5n * second), { replayedCount: 4n });
  await allSent(shop);
  haveAllCome(t, platform, happenings.slice(2, 6));
  t.like(await replay(shop, base + 100n * second), { replayedCount: 0n });
});

flow("what is replayed comes before what happens to the same user afterwards", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url);
  const happenings = orderly(10, 60);
  await shop.happen(...happenings);
  await allSent(shop);
  platform.forget();
  platform.behave({ failureRate: 0.2 });
  const replaying = replay(shop, base);
  const later = Array.from({ length: 10 }, (_, index) => ({ orderId: 1_000 + index, userId: index + 1 }));
  await replaying;
  await shop.happen(...later);
  await allSent(shop);
  haveAllCome(t, platform, [...happenings, ...later]);
});

flow("what is replayed while the platform is away comes before what has waited for it", async (t, scene) => {
  let isAway = false;
  const taken: Attempt[] = [];
  const platform = await startPickyPlatform((attempt) => {
    if (isAway) return 503;
    taken.push(attempt);
    return 204;
  });
  scene.atEnd(() => platform.stop());
  const shop = await scene.shop(platform.url, { pace: { ...fastPace, away: { firstMs: 1_000, mostMs: 1_000 } } });
  const users = Array.from({ length: 8 }, (_, index) => index + 1);
  await shop.happen(...orders(users.length, 1));
  await allSent(shop);
  const hasTried = (attempts: number) => eventually(async () => platform.attempts.length >= attempts);
  isAway = true;
  await shop.happen(...users.map((userId) => ({ orderId: 10 + userId, userId })));
  // All at once, and then one that tries whether it is there again, while the others are next.
  await hasTried(2 * users.length + 1);
  await replay(shop, base);
  // One may have been on its way already.
  await hasTried(platform.attempts.length + 2);
  isAway = false;
  await allSent(shop);
  for (const user of users) {
    const ordersOfUser = taken.filter(({ userId }) => userId === user).map(({ orderId }) => orderId);
    t.deepEqual(ordersOfUser, [user, user, 10 + user]);
  }
});

flow("what happens while a replay is under way is not kept waiting by it", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url);
  await shop.happen(...orderly(1_000, 2));
  await allSent(shop);
  platform.forget();
  platform.behave({ delayMs: 10 });
  await replay(shop, base);
  await eventually(async () => platform.events.length > 200);
  await shop.happen({ orderId: 9_000, userId: 9_000 });
  const cameBefore = platform.events.length;
  await eventually(async () => ordersByUser(platform).has(9_000));
  const place = platform.events.findIndex(({ data }) => (data as { user_id: number }).user_id === 9_000);
  // Those that have been read already come before it.
  t.true(place < cameBefore + 200 && place < 2_000, `${place}`);
});

flow("a replay is what it says: of what is dead, or from an instant", async (t, scene) => {
  const shop = await scene.shop(undefined);
  const dead = { case: "dead" as const, value: true };
  const wrong = [
    { selection: { ...dead, value: false } },
    { selection: dead, to: toTimestamp(base) },
    { selection: { case: undefined } },
  ];
  for (const request of wrong) {
    await t.throwsAsync(shop.platform.replayDeliveries(request, shop.call), { instanceOf: InvalidFields });
  }
  t.like(await shop.platform.replayDeliveries({ selection: dead }, shop.call), { replayedCount: 0n });
});

flow("what was sent is forgotten in time; what waits or is dead is not", async (t, scene) => {
  const platform = await scene.platform();
  const shop = await scene.shop(platform.url);
  await shop.happen(...orderly(3, 400));
  await allSent(shop);
  await shop.database.commit([
    { sql: "UPDATE deliveries SET state = 'dead' WHERE order_id = 1", values: [] },
    { sql: "UPDATE deliveries SET state = 'waiting', next_attempt_at = ? WHERE order_id = 2", values: [base * 2n] },
  ]);
  const deliveries = new Deliveries(shop.database);
  await deliveries.purgeSent(base + 1_190n * second, new AbortController().signal);
  const rows = await shop.database.select({ sql: "SELECT order_id FROM deliveries ORDER BY place", values: [] });
  t.deepEqual(
    rows.map((row) => Number(row.order_id)),
    [1, 2, ...Array.from({ length: 10 }, (_, index) => 1_191 + index)],
  );
});

flow("of dead deliveries, the oldest are listed first, as many as are asked for", async (t, scene) => {
  const platform = await scene.platform();
  platform.behave({ status: 400 });
  const shop = await scene.shop(platform.url);
  await shop.happen(...orders(30, 1));
  await eventually(async () => (await shop.counts()).dead === 30);
  const idsOf = async (limit?: number) => {
    const { deliveries } = await shop.platform.listDeadDeliveries(limit === undefined ? {} : { limit }, shop.call);
    return deliveries.map(({ id }) => id);
  };
  t.deepEqual(await idsOf(2), ["order-1-paid", "order-2-paid"]);
  t.is((await idsOf()).length, 30);
});
