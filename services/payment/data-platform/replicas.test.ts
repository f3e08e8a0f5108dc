import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "../../platform/testing/eventually.ts";
import { allSent, environmentOf, flow, haveAllCome, type Scene } from "./testing/flow.ts";
import { orders } from "./testing/orders.ts";

const program = fileURLToPath(new URL("./testing/crashing-shop.ts", import.meta.url));

/** Starts another process that has orders paid, and sends them. */
function startCrashingShop(scene: Scene, url: string, users: number, each: number) {
  const { name, environment } = scene.engine;
  const settings = JSON.stringify({ ...environment, ...environmentOf(url) });
  const child = spawn(process.execPath, [program, name, settings, String(users), String(each)], { stdio: "inherit" });
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  scene.atEnd(kill);
  return kill;
}

flow("what a killed process had not sent, the next one sends, in order", async (t, scene) => {
  const platform = await scene.platform();
  platform.behave({ delayMs: 2 });
  const kill = startCrashingShop(scene, platform.url, 20, 20);
  await eventually(async () => platform.events.length >= 100);
  await kill();
  t.true(platform.events.length < 400);
  const shop = await scene.shop(platform.url);
  await eventually(async () => platform.events.length === 400);
  await allSent(shop);
  haveAllCome(t, platform, orders(20, 20));
});

// SQLite has one process at a time.
flow(
  "a replica takes over from one that is killed, and everything comes in order",
  async (t, scene) => {
    const platform = await scene.platform();
    platform.behave({ delayMs: 2, failureRate: 0.1 });
    const kill = startCrashingShop(scene, platform.url, 20, 20);
    await eventually(async () => platform.events.length >= 1);
    const shop = await scene.shop(platform.url);
    await eventually(async () => platform.events.length >= 50);
    await kill();
    t.true(platform.events.length < 400);
    await allSent(shop);
    haveAllCome(t, platform, orders(20, 20));
  },
  ["MySQL"],
);

flow(
  "one replica sends what happens in all, each user's in order",
  async (t, scene) => {
    const platform = await scene.platform();
    const shops = [await scene.shop(platform.url), await scene.shop(platform.url), await scene.shop(platform.url)];
    const happenings = orders(10, 30);
    for (let first = 0; first < happenings.length; first += 10) {
      await shops[(first / 10) % 3]?.happen(...happenings.slice(first, first + 10));
    }
    for (const shop of shops) await allSent(shop);
    haveAllCome(t, platform, happenings);
    t.true(platform.events.every(({ repeats }) => repeats === 0));
    const sent = await Promise.all(shops.map((shop) => shop.metric("sent_total")));
    t.deepEqual(sent.toSorted(), [0, 0, 300]);
  },
  ["MySQL"],
);

flow(
  "a replica that is stopped sends nothing twice, and another one goes on",
  async (t, scene) => {
    const platform = await scene.platform();
    platform.behave({ delayMs: 5 });
    const first = await scene.shop(platform.url);
    const second = await scene.shop(platform.url);
    const happenings = orders(20, 10);
    await first.happen(...happenings);
    await eventually(async () => platform.events.length >= 30);
    await first.stop();
    await allSent(second);
    haveAllCome(t, platform, happenings);
    t.true(platform.events.every(({ repeats }) => repeats === 0));
  },
  ["MySQL"],
);
