import test from "ava";
import { connect } from "nats";
import { Broker } from "../testing/broker.ts";
import { natsServer } from "../testing/engines.ts";
import { natsTestTransport, testTransports } from "../testing/event-mesh.ts";
import { eventually } from "../testing/eventually.ts";
import { Signals } from "./signals.ts";
import type { EventTransport } from "./transport.ts";

/** One that listens, as a replica does. */
function listenTo(transport: EventTransport, service = "voucher", topic = "requests") {
  const heard: bigint[] = [];
  const signals = new Signals(service, transport);
  signals.listen(topic, (ids) => void heard.push(...ids));
  return { signals, heard };
}

const server = natsServer();

for (const [name, newTransport] of Object.entries(testTransports())) {
  test(`whoever signals hears it too, at once and once (${name})`, async (t) => {
    const testTransport = newTransport();
    const transport = testTransport.open();
    const { signals, heard } = listenTo(transport);
    signals.send("requests", [1n, 2n ** 53n]);
    t.deepEqual(heard, [1n, 2n ** 53n]);
    const ids = Array.from({ length: 5_000 }, (_, index) => BigInt(index));
    signals.send("requests", ids);
    await new Promise((resolve) => setTimeout(resolve, 200));
    t.deepEqual(heard, [1n, 2n ** 53n, ...ids]);
    await transport.close();
    await testTransport.remove();
  });

  test(`what another topic or service is told of is not heard (${name})`, async (t) => {
    const testTransport = newTransport();
    const transport = testTransport.open();
    const others = [listenTo(transport, "wallet"), listenTo(transport, "voucher", "coupons")];
    const { signals, heard } = listenTo(transport);
    signals.send("requests", [17n]);
    t.deepEqual([heard, ...others.map((other) => other.heard)], [[17n], [], []]);
    await transport.close();
    await testTransport.remove();
  });
}

if (server) {
  test("replicas in other processes hear it once, within milliseconds", async (t) => {
    const testTransport = natsTestTransport(server);
    const transports = [testTransport.open(), testTransport.open(), testTransport.open()];
    const [first, ...others] = transports.map((transport) => listenTo(transport));
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
    for (const transport of transports) await transport.close();
    await testTransport.remove();
  });

  test("what somebody else sends on the subject does no harm", async (t) => {
    const testTransport = natsTestTransport(server);
    const transport = testTransport.open();
    const { heard } = listenTo(transport);
    const stranger = await connect({ servers: server });
    const id = Buffer.alloc(8);
    id.writeBigUInt64BE(9n);
    await eventually(async () => {
      for (const payload of [Buffer.alloc(0), Buffer.from("abc"), Buffer.concat([id, Buffer.from("abc")])]) {
        stranger.publish(`${testTransport.server?.prefix}-signal.voucher.requests`, payload);
      }
      await stranger.flush();
      return heard.length > 0;
    });
    t.is(heard[0], 9n);
    await stranger.close();
    await transport.close();
    await testTransport.remove();
  });
}

(Broker.isInstalled() ? test : test.skip)(
  "without its broker a process hears itself, and others once it is back",
  async (t) => {
    const broker = await Broker.prepare();
    const testTransport = natsTestTransport(broker.url);
    const transports = [testTransport.open(), testTransport.open()];
    const [here, there] = transports.map((transport) => listenTo(transport));
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
    for (const transport of transports) await transport.close();
    await broker.remove();
  },
);
