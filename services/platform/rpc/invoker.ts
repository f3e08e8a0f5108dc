import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Call } from "./call.ts";

/** Calls an RPC that is known only by its descriptor, wherever it runs. Throws a Refusal as the handler did. */
export interface Invoker {
  /** Calls a unary RPC; the request and the answer are of the method's types. */
  unary(method: DescMethod, request: Message, call: Call): Promise<Message>;
  /** Calls a server-streaming RPC. To stop reading is to cancel it. */
  stream(method: DescMethod, request: Message, call: Call): AsyncIterable<Message>;
}
