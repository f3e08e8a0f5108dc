import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Session, Statement } from "../database/database.ts";
import type { Call } from "../rpc/call.ts";

/** What every consumer says of itself. */
interface Taking<S extends DescMessage> {
  /** Unique in the mesh, and never changed: the inbox and the broker know the consumer by it. `wallet-open`. */
  readonly name: string;
  /** `giftmesh.profile.user-registered`. */
  readonly subject: string;
  /** What the subject's events are. */
  readonly message: S;
  /**
   * Told of events whose effects have just been committed, to wake whoever waits for them. It may not throw, and may be
   * missed: a process that dies tells nothing.
   */
  committed?(events: readonly MessageShape<S>[]): void;
}

/** Takes the events of one subject, one after another. */
export interface SingleConsumer<S extends DescMessage = DescMessage> extends Taking<S> {
  /**
   * Answers the statements that are the event's effect, having read in the session what they rest on: each event has its
   * effect exactly once, however often it is delivered. It may be handled again where the transaction fails, so nothing is
   * done here that the database does not undo; and many events may share one, so nothing that takes long. A Refusal or an
   * error means it is tried again, with growing pauses, and in the end put to the dead letters.
   */
  handle(event: MessageShape<S>, session: Session, call: Call): Promise<readonly Statement[]>;
}

/** Takes the events of one subject, those together that come together. */
export interface JointConsumer<S extends DescMessage = DescMessage> extends Taking<S> {
  /**
   * The same for up to 64 events, in their order: to read what they are about takes one round trip for all. Where it
   * throws, each event is tried alone.
   */
  handleTogether(events: readonly MessageShape<S>[], session: Session): Promise<readonly Statement[]>;
}

export type Consumer<S extends DescMessage = DescMessage> = SingleConsumer<S> | JointConsumer<S>;

/** Declares a consumer, with the type of its events. */
export function consume<S extends DescMessage>(consumer: Consumer<S>): Consumer {
  return consumer as unknown as Consumer;
}
