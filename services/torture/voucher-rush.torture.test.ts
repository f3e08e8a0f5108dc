import test from "ava";
import { engines } from "../platform/testing/engines.ts";
import { freePorts } from "../platform/testing/free-ports.ts";
import { startServices } from "../testing/processes.ts";
import { RestClient } from "../testing/rest-client.ts";
import { adminPassword, unlimited } from "../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";
import { lastOf } from "../testing/shop/books.ts";
import { voucherFaults } from "../testing/vouchers/books.ts";
import { Crowd } from "../testing/vouchers/crowd.ts";

const requests = rounds(2_000);
const waves = 3;

/** The provider acknowledges most of them, and is late with some. */
const slow = { delay_ms: 500, delay_spread_ms: 4_000, duplicate_callbacks: 1 };
const times = { VOUCHER_ACK_AFTER_MS: "1000", VOUCHER_LATE_AFTER_MS: "8000" };

const patienceMs = 60_000;

for (const engine of engines()) {
  test.serial(
    `of ${requests} who ask at once, ${waves} times, each has one code, and no memory is kept for them (${engine.name})`,
    async (t) => {
      t.timeout(timeLimitMs(20));
      const [edgePort, providerPort] = await freePorts(2);
      const mesh = await startServices([], {
        ...engine.environment,
        ...unlimited,
        ...times,
        ADMIN_PASSWORD: adminPassword,
        EDGE_PORT: String(edgePort),
        VOUCHER_PROVIDER_PORT: String(providerPort),
      });
      t.teardown(async () => {
        await mesh.end();
        await engine.remove();
      });
      const anonymous = new RestClient(`http://127.0.0.1:${edgePort}`);
      const admin = await anonymous.login("admin", adminPassword);
      const providerUrl = `http://127.0.0.1:${providerPort}`;
      await new RestClient(providerUrl).request("PUT", "/simulator", { body: slow });
      const phones = Array.from({ length: 100 }, (_, index) => `+8490913${String(index).padStart(4, "0")}`);
      const crowd = new Crowd(anonymous, phones);
      const memory: number[] = [];
      for (let wave = 0; wave < waves; wave++) {
        crowd.come(requests);
        await crowd.atMostWaiting(0);
        memory.push(await residentMegabytes(anonymous));
      }
      t.deepEqual(crowd.surprises, []);
      t.is(crowd.wishes.length, waves * requests);
      t.deepEqual(await lastOf(() => voucherFaults(crowd.wishes, admin, providerUrl), patienceMs), []);
      // The first warms the process up.
      const [, second = 0, third = 0] = memory;
      t.log(`${memory.map(Math.round).join(", ")} MB after each`);
      t.true(third < 1.25 * second);
      t.is(await mesh.end(), 0, mesh.output());
    },
  );
}

/** What the mesh's process takes of the machine's memory. */
async function residentMegabytes(client: RestClient): Promise<number> {
  const { text } = await client.get("/metrics");
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 2 ** 20;
}
