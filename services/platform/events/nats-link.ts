import {
  type ConnectionOptions,
  connect,
  Events,
  type JetStreamManager,
  type NatsConnection,
  type StreamInfo,
} from "nats";
import type { Logger } from "pino";
import { backoffMs, pause } from "../waiting.ts";
import { ensureLongKept, ensureMeshStream, type LongKept } from "./nats-streams.ts";

/** How long the server may take to answer, in milliseconds. */
const answerWithinMs = 2_000;

const backoff = { firstMs: 100, mostMs: 5_000 };

const usualDuplicateWindowMs = 120_000;

/** A server that is asked for a stream while it still deletes the old one makes one that does not work. */
const afterDeletionMs = 2_000;

export interface NatsOptions {
  /** `nats://user:password@host:port`; a user without a password is a token; `tls:` for TLS. */
  readonly url: string;
  readonly log: Logger;
  /** Subjects start with it, and the stream is named after it in capitals: another one is another mesh. */
  readonly prefix?: string | undefined;
  /** The server discards an event that it was given less than so long ago, in milliseconds. */
  readonly duplicateWindowMs?: number | undefined;
  /** Streams that have some of the events for longer. */
  readonly longKept?: readonly LongKept[] | undefined;
}

/** A connection to NATS that comes back by itself, for ever, and the streams that giftmesh has there. */
export class NatsLink {
  readonly stream: string;
  readonly prefix: string;
  readonly log: Logger;
  /** How many times there has been a connection. */
  connections = 0;
  private readonly options: NatsOptions;
  private readonly closing = new AbortController();
  private readonly running: Promise<void>;
  private readonly onConnect: ((connection: NatsConnection) => void)[] = [];
  private current: NatsConnection | undefined;
  private hasSeenStream = false;

  constructor(options: NatsOptions) {
    this.options = options;
    this.prefix = options.prefix ?? "giftmesh";
    this.stream = this.prefix.toUpperCase();
    this.log = options.log;
    this.running = this.run();
  }

  get isConnected(): boolean {
    return this.current !== undefined;
  }

  /** The connection, while there is one. Throws where there is none. */
  get connection(): NatsConnection {
    if (!this.current) throw new Error("NATS is not connected");
    return this.current;
  }

  /** Has `work` done on every new connection, and on the present one. */
  whenConnected(work: (connection: NatsConnection) => void): void {
    this.onConnect.push(work);
    if (this.current) work(this.current);
  }

  /** The stream as it is, made if it is not there, as those are that have some of it for longer. */
  async streamInfo(): Promise<StreamInfo> {
    const manager = await this.connection.jetstreamManager({ timeout: answerWithinMs, checkAPI: false });
    const { stream: name, prefix } = this;
    const { duplicateWindowMs = usualDuplicateWindowMs } = this.options;
    const makeAfterMs = this.hasSeenStream ? afterDeletionMs : 0;
    const info = await ensureMeshStream(manager, { name, prefix, duplicateWindowMs, makeAfterMs });
    this.hasSeenStream = true;
    await this.keepLong(manager);
    return info;
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  /** No event waits for a stream that only has it for longer. */
  private async keepLong(manager: JetStreamManager): Promise<void> {
    for (const longKept of this.options.longKept ?? []) {
      try {
        await ensureLongKept(manager, { name: this.stream, prefix: this.prefix }, longKept);
      } catch (error) {
        this.log.warn({ err: error, stream: longKept.name }, "a stream that keeps events for long cannot be made");
      }
    }
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.closing.signal.aborted) {
      try {
        const connection = await connect(connectionOptions(this.options.url));
        failures = 0;
        await this.use(connection);
      } catch (error) {
        failures++;
        if (failures === 1) this.log.warn({ err: error }, "NATS cannot be reached; events wait in the outboxes");
        await pause(backoffMs(failures, backoff), this.closing.signal);
      }
    }
  }

  /** Uses a connection, through its ups and downs, until it is closed. Throws where that was not of our doing. */
  private async use(connection: NatsConnection): Promise<void> {
    const close = () => void closeSoon(connection);
    this.closing.signal.addEventListener("abort", close);
    // It may have been closed while it was on its way up.
    if (this.closing.signal.aborted) close();
    this.isUp(connection);
    for (const work of this.onConnect) work(connection);
    void this.follow(connection);
    const failure = await connection.closed();
    this.current = undefined;
    this.closing.signal.removeEventListener("abort", close);
    if (failure) throw failure;
  }

  private isUp(connection: NatsConnection): void {
    this.current = connection;
    this.connections++;
  }

  private async follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (this.closing.signal.aborted) return;
      if (type === Events.Disconnect) {
        this.current = undefined;
        this.log.warn("NATS is disconnected; events wait in the outboxes");
      }
      if (type === Events.Reconnect) {
        this.isUp(connection);
        this.log.info("NATS is connected again");
      }
    }
  }
}

/** What was acknowledged last is to reach the server, if it is there to be reached. */
async function closeSoon(connection: NatsConnection): Promise<void> {
  await Promise.race([connection.flush().catch(() => undefined), pause(500, new AbortController().signal)]);
  await connection.close();
}

function connectionOptions(url: string): ConnectionOptions {
  const { protocol, hostname, port, username, password } = new URL(url);
  const user = decodeURIComponent(username);
  return {
    servers: `${hostname}:${port || 4222}`,
    name: "giftmesh",
    timeout: answerWithinMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    ignoreAuthErrorAbort: true,
    // What this process signals it hears without the server.
    noEcho: true,
    ...(protocol === "tls:" && { tls: {} }),
    ...(user && (password ? { user, pass: decodeURIComponent(password) } : { token: user })),
  };
}
