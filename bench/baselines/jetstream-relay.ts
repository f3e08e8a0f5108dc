import {
  AckPolicy,
  type ConsumerMessages,
  connect,
  type JetStreamClient,
  type JsMsg,
  type NatsConnection,
  StorageType,
} from "nats";

const stream = "PLAIN";

/** As many as the mesh's consumers have. */
const mostOutstanding = 256;

/**
 * What two events of a voucher code are without any database: published to a stream and acknowledged, taken by a durable
 * consumer that publishes the next, which another takes. In this process, with nothing else to do.
 */
export class JetStreamRelay {
  private readonly connection: NatsConnection;
  private readonly client: JetStreamClient;
  private readonly consuming: ConsumerMessages[] = [];
  private readonly waiting = new Map<string, () => void>();
  private last = 0;

  private constructor(connection: NatsConnection) {
    this.connection = connection;
    this.client = connection.jetstream();
  }

  static async open(url: string): Promise<JetStreamRelay> {
    const connection = await connect({ servers: url });
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: stream, subjects: ["plain.*"], storage: StorageType.File });
    const relay = new JetStreamRelay(connection);
    await relay.consume("request", async (message) => {
      await relay.client.publish("plain.receive", message.data, { msgID: `receive ${message.string()}` });
    });
    await relay.consume("receive", async (message) => relay.waiting.get(message.string())?.());
    return relay;
  }

  /** Sends one on its way; resolves once the second consumer has it. */
  async send(): Promise<void> {
    const id = String(++this.last);
    const arrived = new Promise<void>((resolve) => this.waiting.set(id, resolve));
    await this.client.publish("plain.request", id, { msgID: `request ${id}` });
    await arrived;
    this.waiting.delete(id);
  }

  async close(): Promise<void> {
    await Promise.all(this.consuming.map((one) => one.close()));
    await this.connection.close();
  }

  private async consume(subject: string, handle: (message: JsMsg) => Promise<void>): Promise<void> {
    const manager = await this.connection.jetstreamManager();
    await manager.consumers.add(stream, {
      durable_name: subject,
      filter_subject: `plain.${subject}`,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: mostOutstanding,
    });
    const consumer = await this.client.consumers.get(stream, subject);
    const messages = await consumer.consume({
      max_messages: mostOutstanding,
      callback: (message) => {
        void handle(message).then(() => message.ack());
      },
    });
    this.consuming.push(messages);
  }
}
