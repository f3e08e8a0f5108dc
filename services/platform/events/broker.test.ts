import test, { type ExecutionContext } from "ava";
import { connect } from "nats";
import { Broker } from "../testing/broker.ts";
import { sqliteEngine } from "../testing/engines.ts";
import { natsTestTransport, Replica, type ReplicaOptions, range } from "../testing/event-mesh.ts";

const prefix = "gmt_broker";
const isInstalled = Broker.isInstalled();

interface Scene {
  readonly broker: Broker;
  start(options?: ReplicaOptions): Promise<Replica>;
}

/** A flow with a broker of its own, which has not been started. */
function flow(title: string, run: (t: ExecutionContext, scene: Scene) => Promise<void>) {
  if (!isInstalled) {
    test.skip(`${title} (nats-server is not installed)`, () => undefined);
    return;
  }
  test.serial(title, async (t) => {
    const broker = await Broker.prepare();
    const engine = sqliteEngine();
    const replicas: Replica[] = [];
    const start = async (options?: ReplicaOptions) => {
      const replica = await Replica.start(engine, natsTestTransport(broker.url, prefix), options);
      replicas.push(replica);
      return replica;
    };
    try {
      await run(t, { broker, start });
    } finally {
      for (const replica of replicas) await replica.stop();
      await broker.remove();
      await engine.remove();
    }
  });
}

flow("what happens before the broker is there is told once it is", async (t, { broker, start }) => {
  const replica = await start();
  await replica.register(range(1, 10));
  await broker.start();
  t.deepEqual(await replica.effectsOf(10), range(1, 10));
});

flow("a broker that stops and comes back has missed nothing", async (t, { broker, start }) => {
  await broker.start();
  const replica = await start();
  for (let first = 1; first < 40; first += 10) {
    await replica.register(range(first, first + 4));
    await broker.stop();
    await replica.register(range(first + 5, first + 9));
    await broker.start();
  }
  t.deepEqual(
    (await replica.effectsOf(40)).toSorted((a, b) => a - b),
    range(1, 40),
  );
});

flow("a store that is lost is filled again with what was sent days ago", async (t, { broker, start }) => {
  await broker.start();
  const replica = await start({ consumes: false });
  await replica.register(range(1, 300));
  await replica.allSent();
  await replica.age(5 * 24 * 60);
  await broker.stop();
  broker.loseStore();
  await broker.start();
  replica.consume();
  t.deepEqual(await replica.effectsOf(300), range(1, 300));
});

for (const [howLong, minutes] of [
  ["for a moment", 0],
  ["for ten minutes", 10],
] as const) {
  flow(`what a store has lost of late is sent again, be it away ${howLong}`, async (t, { broker, start }) => {
    await broker.start();
    const replica = await start({ consumes: false });
    await replica.register(range(1, 10));
    await replica.allSent();
    await broker.stop();
    broker.copyStore();
    await broker.start();
    await replica.register(range(11, 20));
    await replica.allSent();
    await broker.stop();
    await replica.age(minutes);
    broker.loseSinceCopy();
    await broker.start();
    replica.consume();
    t.deepEqual(
      (await replica.effectsOf(20)).toSorted((a, b) => a - b),
      range(1, 20),
    );
  });
}

flow("a stream that is deleted under way is made again, and no effect is had twice", async (t, { broker, start }) => {
  await broker.start();
  const replica = await start();
  await replica.register(range(1, 10));
  await replica.effectsOf(10);
  const connection = await connect({ servers: broker.url });
  await (await connection.jetstreamManager()).streams.delete(prefix.toUpperCase());
  await connection.close();
  await replica.register(range(11, 20));
  t.deepEqual(await replica.effectsOf(20), range(1, 20));
});
