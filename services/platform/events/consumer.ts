import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Transaction } from "../database/database.ts";
import type { Call } from "../rpc/call.ts";

/** Takes the events of one subject. */
export interface Consumer<S extends DescMessage = DescMessage> {
  /** Unique in the mesh, and never changed: the inbox and the broker know the consumer by it. `wallet-open`. */
  readonly name: string;
  /** `giftmesh.profile.user-registered`. */
  readonly subject: string;
  /** What the subject's events are. */
  readonly message: S;
  /**
   * Has the event's effect, all of it in the transaction: each event is handled exactly once, however often it is
   * delivered. Many events may share a transaction, so nothing that takes long belongs here. A Refusal or an error
   * means it is tried again, with growing pauses, and in the end put to the dead letters.
   */
  handle(event: MessageShape<S>, tx: Transaction, call: Call): Promise<void>;
}

/** Declares a consumer, with the type of its events. */
export function consume<S extends DescMessage>(consumer: Consumer<S>): Consumer {
  return consumer as unknown as Consumer;
}
