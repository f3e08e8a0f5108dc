import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { startDataPlatform } from "../data-platform-simulator/data-platform.ts";
import { Broker } from "../platform/testing/broker.ts";
import { mysqlEngine } from "../platform/testing/engines.ts";
import { RestClient } from "../testing/rest-client.ts";
import { adminPassword, unlimited } from "../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";
import { canRunProcesses } from "../testing/servers.ts";
import { faultsIn, lastOf } from "../testing/shop/books.ts";
import { House } from "../testing/shop/house.ts";
import { newMembers } from "../testing/shop/members.ts";
import { Rush } from "../testing/shop/rush.ts";
import {
  forgottenHolds,
  orderFaults,
  ordersOf,
  platformFaults,
  promiseFaults,
  replayFaults,
  topFaults,
} from "../testing/shop/rush-outcome.ts";
import { recoverer, SplitMesh } from "../testing/shop/split-mesh.ts";

const kills = Math.max(2, rounds(rounds(30)));
const isShort = kills < 3;
const members = isShort ? 8 : 24;

/** What is killed; the payment service, which drives the flows, twice as often. */
const victims = ["payment", "payment", "catalog", "wallet", "voucher"] as const;

/** Orders that nobody pays are over soon after the rush. */
const orderExpireAfterMs = 6_000;

/** Longer than the others wait before they take a payment process for dead. */
const standstillMs = 4_000;

/** Long enough for leases of the dead to end, and for the broker to deliver again what they did not acknowledge. */
const patienceMs = 90_000;

const [run, where] = canRunProcesses() ? [test, ""] : [test.skip, " (not without MySQL and NATS)"];

run(
  `after ${kills} kill -9 in a rush, every order is done or undone, nothing is lost or doubled${where}`,
  async (t) => {
    t.timeout(timeLimitMs(30));
    const engine = mysqlEngine();
    const broker = await Broker.prepare();
    await broker.start();
    const secret = `whsec_${randomBytes(32).toString("base64")}`;
    const platform = await startDataPlatform({ port: 0, secret });
    const mesh = await SplitMesh.start({
      ...engine.environment,
      ...unlimited,
      ADMIN_PASSWORD: adminPassword,
      TOKEN_LIFETIME_SECONDS: "86400",
      ORDER_EXPIRE_AFTER_MS: String(orderExpireAfterMs),
      NATS_URL: broker.url,
      DATA_PLATFORM_URL: platform.url,
      DATA_PLATFORM_SECRET: secret,
    });
    let rush: Rush | undefined;
    try {
      const anonymous = new RestClient(mesh.edgeUrl);
      const house = await House.open(await anonymous.login("admin", adminPassword));
      const buyers = [
        ...(await newMembers(anonymous, members - 2)),
        // Some run out of points.
        ...(await newMembers(anonymous, 2, "20.00")),
      ];
      rush = new Rush(buyers, {
        productIds: await Promise.all([
          house.addProduct({ stock: 1_000_000, price: "1.25" }),
          house.addProduct({ stock: 1_000_000, price: "3.00" }),
          // Comes and goes.
          house.addProduct({ stock: 20, price: "0.99" }),
        ]),
        couponIds: await Promise.all([
          house.addCoupon({ percent: 12.5, quantity: 1_000_000, perMember: 100 }),
          house.addCoupon({ percent: 100, quantity: 1_000_000, perMember: 100 }),
        ]),
      });

      if (!isShort) await mesh.restart(recoverer);
      const rushing = rush.run();
      for (let kill = 0; kill < kills; kill++) {
        await rush.hasAnswered(2 * members);
        // It goes on with what it was at while the second one is seeing to that.
        if (kill % 3 === 2) await mesh.suspend("payment", standstillMs);
        await sleep(Math.random() * 300);
        const dead = [...new Set([oneOf(victims), ...(Math.random() < 0.2 ? [oneOf(victims)] : [])])];
        await Promise.all(dead.map((name) => mesh.kill(name)));
        // Mostly it is started at once, sometimes only once others have taken it for dead.
        await sleep(Math.random() < 0.75 ? 0 : 1_000 + Math.random() * 4_000);
        await Promise.all(dead.map((name) => mesh.restart(name)));
      }
      rush.end();
      await rushing;
      await rush.askAgain();

      t.deepEqual(rush.surprises, []);
      t.deepEqual(await faultsIn(house, buyers, patienceMs), []);
      t.deepEqual(await forgottenHolds(engine), []);
      const orders = await ordersOf(buyers);
      t.log(`${rush.asked.length} requests, ${orders.size} orders, ${platform.events.length} events`);
      t.deepEqual(promiseFaults(rush, orders), []);
      t.deepEqual(await replayFaults(rush), []);
      t.deepEqual(await lastOf(() => topFaults(anonymous, orders), patienceMs), []);
      t.deepEqual(await lastOf(async () => platformFaults(platform.events, orders), patienceMs), []);
      t.deepEqual(orderFaults(platform.events, rush), []);
      t.deepEqual(mesh.failures, []);
      t.deepEqual(await mesh.stop(), []);
    } finally {
      rush?.end();
      await mesh.stop();
      await platform.stop();
      await broker.remove();
      await engine.remove();
    }
  },
);

function oneOf<Item>(items: readonly [Item, ...Item[]]): Item {
  return items[Math.floor(Math.random() * items.length)] ?? items[0];
}
