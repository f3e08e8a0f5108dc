import test from "ava";
import { connect } from "nats";
import { Broker } from "../testing/broker.ts";
import { natsServer } from "../testing/engines.ts";
import { natsTestRoad, testRoads } from "../testing/event-mesh.ts";
import { eventually } from "../testing/eventually.ts";
import type { EventRoad } from "./road.ts";
import { Signals } from "./signals.ts";

/** One that listens, as a replica does. */
function listenTo(road: EventRoad, service = "voucher", topic = "requests") {
  const heard: bigint[] = [];
  const signals = new Signals(service, road);
  signals.listen(topic, (ids) => void heard.push(...ids));
  return { signals, heard };
}

const server = await natsServer();

for (const [name, newRoad] of Object.entries(await testRoads())) {
  test(`whoever signals hears it too, at once and once (${name})`, async (t) => {
    const testRoad = newRoad();
    const road = testRoad.open();
    const { signals, heard } = listenTo(road);
    signals.send("requests", [1n, 2n ** 53n]);
    t.deepEqual(heard, [1n, 2n ** 53n]);
    const ids = Array.from({ length: 5_000 }, (_, index) => BigInt(index));
    signals.send("requests", ids);
    await new Promise((resolve) => setTimeout(resolve, 200));
    t.deepEqual(heard, [1n, 2n ** 53n, ...ids]);
    await road.close();
    await testRoad.remove();
  });

  test(`what another topic or service is told of is not heard (${name})`, async (t) => {
    const testRoad = newRoad();
    const road = testRoad.open();
    const others = [listenTo(road, "wallet"), listenTo(road, "voucher", "coupons")];
    const { signals, heard } = listenTo(road);
    signals.send("requests", [17n]);
    t.deepEqual([heard, ...others.map((other) => other.heard)], [[17n], [], []]);
    await road.close();
    await testRoad.remove();
  });
}

if (server) {
  test("replicas in other processes hear it once, within milliseconds", async (t) => {
    const testRoad = natsTestRoad(server);
    const roads = [testRoad.open(), testRoad.open(), testRoad.open()];
    const [first, ...others] = roads.map((road) => listenTo(road));
    await eventually(async () => {
      first?.signals.send("requests", [0n]);
      return others.every(({ heard }) => heard.length > 0);
    });
    const delays: number[] = [];
    for (let id = 1n; id <= 50n; id++) {
      const sent = performance.now();
      first?.signals.send("requests", [id]);
      while (!others.every(({ heard }) => heard.at(-1) === id)) await new Promise((resolve) => setImmediate(resolve));
      delays.push(performance.now() - sent);
    }
    for (const { heard } of others) {
      t.deepEqual(
        heard.filter((id) => id > 0n),
        Array.from({ length: 50 }, (_, index) => BigInt(index + 1)),
      );
    }
    const median = delays.toSorted((a, b) => a - b)[25] ?? 0;
    t.true(median < 20, `${median} ms`);
    for (const road of roads) await road.close();
    await testRoad.remove();
  });

  test("what somebody else sends on the subject does no harm", async (t) => {
    const testRoad = natsTestRoad(server);
    const road = testRoad.open();
    const { heard } = listenTo(road);
    const stranger = await connect({ servers: server });
    const id = Buffer.alloc(8);
    id.writeBigUInt64BE(9n);
    await eventually(async () => {
      for (const payload of [Buffer.alloc(0), Buffer.from("abc"), Buffer.concat([id, Buffer.from("abc")])]) {
        stranger.publish(`${testRoad.server?.prefix}-signal.voucher.requests`, payload);
      }
      await stranger.flush();
      return heard.length > 0;
    });
    t.is(heard[0], 9n);
    await stranger.close();
    await road.close();
    await testRoad.remove();
  });
}

(Broker.isInstalled() ? test : test.skip)(
  "without its broker a process hears itself, and others once it is back",
  async (t) => {
    const broker = await Broker.prepare();
    const testRoad = natsTestRoad(broker.url);
    const roads = [testRoad.open(), testRoad.open()];
    const [here, there] = roads.map((road) => listenTo(road));
    here?.signals.send("requests", [1n]);
    t.deepEqual([here?.heard, there?.heard], [[1n], []]);
    await broker.start();
    const arrives = () =>
      eventually(async () => {
        here?.signals.send("requests", [2n]);
        return there?.heard.includes(2n) ?? false;
      });
    await arrives();
    await broker.stop();
    here?.signals.send("requests", [3n]);
    await broker.start();
    there?.heard.splice(0);
    await arrives();
    t.false(there?.heard.includes(3n), "what is signalled meanwhile is lost");
    for (const road of roads) await road.close();
    await broker.remove();
  },
);
