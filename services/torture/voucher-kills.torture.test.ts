import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { Broker } from "../platform/testing/broker.ts";
import { mysqlEngine } from "../platform/testing/engines.ts";
import { RestClient } from "../testing/rest-client.ts";
import { adminPassword, unlimited } from "../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";
import { canRunProcesses } from "../testing/servers.ts";
import { lastOf } from "../testing/shop/books.ts";
import { SplitMesh } from "../testing/shop/split-mesh.ts";
import { voucherFaults } from "../testing/vouchers/books.ts";
import { Crowd } from "../testing/vouchers/crowd.ts";

const kills = Math.max(4, rounds(rounds(30)));
const requests = rounds(2_000);

/** What is killed; the two that pass the codes on, twice as often. The broker loses its store every other time. */
const victims = [
  "voucher-integration",
  "voucher-integration",
  "voucher",
  "voucher",
  "provider-simulator",
  "notification",
  "edge",
  "the broker",
] as const;

/** Vouchers are there at once, or after an acknowledgement, or late. */
const slow = { delay_ms: 0, delay_spread_ms: 6_000, duplicate_callbacks: 1, failure_rate: 0.05 };
const times = { VOUCHER_ACK_AFTER_MS: "1000", VOUCHER_LATE_AFTER_MS: "4000", VOUCHER_GIVE_UP_AFTER_MS: "600000" };

/** Long enough for leases of the dead to end, and for the broker to deliver again what they did not acknowledge. */
const patienceMs = 120_000;

const [run, where] = canRunProcesses() ? [test, ""] : [test.skip, " (not without MySQL and NATS)"];

run(
  `after ${kills} kill -9 while ${requests} codes are on their way, everybody has one, and the provider's${where}`,
  async (t) => {
    t.timeout(timeLimitMs(30));
    const engine = mysqlEngine();
    const broker = await Broker.prepare();
    await broker.start();
    const mesh = await SplitMesh.start({
      ...engine.environment,
      ...unlimited,
      ...times,
      ADMIN_PASSWORD: adminPassword,
      TOKEN_LIFETIME_SECONDS: "86400",
      VOUCHER_KEYS: `torture:${randomBytes(32).toString("base64")}`,
      NATS_URL: broker.url,
    });
    try {
      const anonymous = new RestClient(mesh.edgeUrl);
      const admin = await anonymous.login("admin", adminPassword);
      const behaved = await new RestClient(mesh.voucherProviderUrl).request("PUT", "/simulator", { body: slow });
      t.is(behaved.status, 200, behaved.text);
      const phones = Array.from({ length: 100 }, (_, index) => `+8490912${String(index).padStart(4, "0")}`);
      const crowd = new Crowd(anonymous, phones);

      for (let kill = 0; kill < kills; kill++) {
        crowd.come(Math.ceil(requests / kills));
        await sleep(Math.random() * 2_000);
        const victim = victims[Math.floor(Math.random() * victims.length)] ?? victims[0];
        if (victim === "the broker") {
          await broker.stop();
          if (kill % 2 === 0) broker.loseStore();
          await sleep(Math.random() * 2_000);
          await broker.start();
        } else {
          await mesh.kill(victim);
          // Mostly it is started at once, sometimes only once others have taken it for dead.
          await sleep(Math.random() < 0.75 ? 0 : 1_000 + Math.random() * 4_000);
          await mesh.restart(victim);
        }
      }
      await crowd.atMostWaiting(0);

      t.deepEqual(crowd.surprises, []);
      t.is(crowd.wishes.length, Math.ceil(requests / kills) * kills);
      const faults = () => voucherFaults(crowd.wishes, admin, mesh.voucherProviderUrl);
      t.deepEqual(await lastOf(faults, patienceMs), []);
      t.deepEqual(mesh.failures, []);
      t.deepEqual(await mesh.stop(), []);
    } finally {
      await mesh.stop();
      await broker.remove();
      await engine.remove();
    }
  },
);
