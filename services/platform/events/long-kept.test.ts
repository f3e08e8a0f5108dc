import test, { type ExecutionContext } from "ava";
import { connect, type NatsConnection, nanos, type StreamInfo } from "nats";
import { pino } from "pino";
import { Broker } from "../testing/broker.ts";
import { range } from "../testing/event-mesh.ts";
import { eventually } from "../testing/eventually.ts";
import { NatsTransport } from "./nats-transport.ts";

const day = 24 * 3_600_000;
const isInstalled = Broker.isInstalled();

interface Scene {
  readonly broker: Broker;
  readonly connection: NatsConnection;
  /** Another process of the mesh. */
  open(): Promise<NatsTransport>;
}

/** A flow with a broker of its own. */
function flow(title: string, run: (t: ExecutionContext, scene: Scene) => Promise<void>) {
  if (!isInstalled) {
    test.skip(`${title} (nats-server is not installed)`, () => undefined);
    return;
  }
  test.serial(title, async (t) => {
    const broker = await Broker.prepare();
    await broker.start();
    const transports: NatsTransport[] = [];
    const open = async () => {
      const longKept = [{ name: "ORDERS", subjects: "order.>", days: 30 }];
      const transport = new NatsTransport({ url: broker.url, log: pino({ level: "silent" }), longKept });
      transports.push(transport);
      await eventually(() => transport.state().then(Boolean, () => false));
      return transport;
    };
    const connection = await connect({ servers: broker.url });
    try {
      await run(t, { broker, connection, open });
    } finally {
      await connection.close();
      for (const transport of transports) await transport.close();
      await broker.remove();
    }
  });
}

async function publish(transport: NatsTransport, subject: string, ids: readonly number[]): Promise<void> {
  const events = ids.map((id) => ({
    id: `${subject}-${id}`,
    subject,
    payload: Buffer.from(String(id)),
    traceparent: "",
    requestId: "",
  }));
  for (const result of await transport.publish(events)) if (result.status === "rejected") throw result.reason;
}

async function streamInfo(connection: NatsConnection, name: string): Promise<StreamInfo> {
  return (await connection.jetstreamManager()).streams.info(name);
}

/** What the long-kept stream has, once it is so many. */
async function kept(connection: NatsConnection, count: number): Promise<string[]> {
  await eventually(async () => (await streamInfo(connection, "GIFTMESH_ORDERS")).state.messages >= count);
  const { first_seq: first, last_seq: last } = (await streamInfo(connection, "GIFTMESH_ORDERS")).state;
  const manager = await connection.jetstreamManager();
  const found = await Promise.all(
    range(first, last).map((seq) => manager.streams.getMessage("GIFTMESH_ORDERS", { seq })),
  );
  return found.map((message) => `${message.subject} ${message.string()}`);
}

const paid = (ids: readonly number[]) => ids.map((id) => `giftmesh.order.paid ${id}`);

flow("a long-kept stream has the events of its subjects, in order, and no others", async (t, { connection, open }) => {
  const transport = await open();
  await publish(transport, "giftmesh.order.paid", range(1, 50));
  await publish(transport, "giftmesh.profile.user-registered", range(1, 50));
  await publish(transport, "giftmesh.order.cancelled", [1]);
  t.deepEqual(await kept(connection, 51), [...paid(range(1, 50)), "giftmesh.order.cancelled 1"]);
  const { config } = await streamInfo(connection, "GIFTMESH_ORDERS");
  t.is(config.max_age, nanos(30 * day));
  t.is((await streamInfo(connection, "GIFTMESH")).config.max_age, nanos(7 * day));
});

flow("it has what came before it was there", async (t, { connection, open }) => {
  const transport = await open();
  await (await connection.jetstreamManager()).streams.delete("GIFTMESH_ORDERS");
  await publish(transport, "giftmesh.order.paid", range(1, 10));
  await open();
  t.deepEqual(await kept(connection, 10), paid(range(1, 10)));
});

flow("it misses nothing of a stream that was deleted and made again", async (t, { connection, open }) => {
  const transport = await open();
  await publish(transport, "giftmesh.order.paid", range(1, 50));
  await kept(connection, 50);
  await (await connection.jetstreamManager()).streams.delete("GIFTMESH");
  await transport.state();
  await publish(transport, "giftmesh.order.paid", range(51, 60));
  t.deepEqual(await kept(connection, 60), paid(range(1, 60)));
});

flow("processes that start at once make the streams once, and lose nothing", async (t, { connection, open }) => {
  const transports = await Promise.all(range(1, 6).map(open));
  await Promise.all(
    transports.map((transport, index) =>
      publish(transport, "giftmesh.order.paid", range(index * 10 + 1, index * 10 + 10)),
    ),
  );
  t.deepEqual((await kept(connection, 60)).toSorted(), paid(range(1, 60)).toSorted());
});

flow("a stream that was left half made is finished", async (t, { connection, open }) => {
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "GIFTMESH", subjects: ["giftmesh-stream-in-the-making"] });
  const transport = await open();
  await publish(transport, "giftmesh.order.paid", [1]);
  t.deepEqual(await kept(connection, 1), paid([1]));
});
