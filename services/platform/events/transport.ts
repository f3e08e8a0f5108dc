/** An event on its way. */
export interface Event {
  /** Unique in the mesh: the service that sent it, and its place in that service's outbox. */
  readonly id: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  /** W3C trace context; empty where there is none. */
  readonly traceparent: string;
  /** The request that led to it; empty where none did. */
  readonly requestId: string;
}

/** Takes the events of one subject from the transport. */
export interface Subscriber {
  /** Replicas with the same name share the events; each name gets them all. */
  readonly name: string;
  readonly subject: string;
  /** Resolves once the events need not come again; after a rejection they do. The same event may come many times. */
  deliver(events: readonly Event[]): Promise<void>;
}

/** What a relay is to know of the place where the transport keeps events. */
export interface TransportState {
  /** Another value means another store: what the last one held is lost. */
  readonly store: string;
  /** Rises with every new connection: what was sent shortly before may be lost. */
  readonly connections: number;
}

/** How events get from the outbox of one service to the consumers of all: at least once, and in order. */
export interface EventTransport {
  /**
   * Publishes events in order: for each, in that order, whether it has arrived for good. Rejects where none could be
   * sent.
   */
  publish(events: readonly Event[]): Promise<PromiseSettledResult<unknown>[]>;

  /** Delivers a subject's events from now on, those that came before too where the transport has kept them. */
  subscribe(subscriber: Subscriber): void;

  /** Rejects while the transport cannot be used. */
  state(): Promise<TransportState>;

  /**
   * Tells all who listen to a channel something, in this process and in others: at once, past the outbox, and it may get
   * lost. A channel is named like the end of a subject: `nudge.wallet`. At most 64 KiB.
   */
  signal(channel: string, payload: Uint8Array): void;

  /** Has `heard` called with what is signalled on a channel; it may not throw. */
  onSignal(channel: string, heard: (payload: Uint8Array) => void): void;

  /** Ends deliveries, waits for those under way, and disconnects. */
  close(): Promise<void>;
}
