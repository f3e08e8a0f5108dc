import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Transaction } from "../database/database.ts";
import type { Call } from "../rpc/call.ts";

/** Takes the events of one subject. */
export interface Consumer<S extends DescMessage = DescMessage, Prepared = unknown> {
  /** Unique in the mesh, and never changed: the inbox and the broker know the consumer by it. `wallet-open`. */
  readonly name: string;
  /** `giftmesh.profile.user-registered`. */
  readonly subject: string;
  /** What the subject's events are. */
  readonly message: S;
  /**
   * Does what has to come before the transaction, such as taking ids; `handle` is given the answer. May be run more
   * often than the event is handled.
   */
  prepare?(event: MessageShape<S>, call: Call): Promise<Prepared>;
  /**
   * Has the event's effect, all of it in the transaction: each event is handled exactly once, however often it is
   * delivered. A Refusal or an error means it is tried again, with growing pauses, and in the end put to the dead
   * letters.
   */
  handle(event: MessageShape<S>, tx: Transaction, call: Call, prepared: Prepared): Promise<void>;
}

/** Declares a consumer, with the type of its events. */
export function consume<S extends DescMessage, Prepared = undefined>(consumer: Consumer<S, Prepared>): Consumer {
  return consumer as unknown as Consumer;
}
