import { fromBinary, type Message } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Decision, Session, Statement } from "../database/database.ts";
import { Call } from "../rpc/call.ts";
import { inSpan } from "../tracing.ts";
import type { Consumer, JointConsumer, SingleConsumer } from "./consumer.ts";
import { consumerSpan } from "./event-spans.ts";
import type { Event } from "./transport.ts";

/** Within what events are handled. */
export interface Handling {
  readonly session: Session;
  /** What becomes of the transaction. */
  readonly outcome: Promise<unknown>;
}

/**
 * Has a consumer handle events, each within the request and trace that led to it. Comes to what they said. The span of each
 * event lasts until all are committed, or have failed.
 */
export async function handle(
  consumer: Consumer,
  events: readonly Event[],
  handling: Handling,
): Promise<Decision<Message[]>> {
  const messages = events.map(({ payload }) => fromBinary(consumer.message, payload));
  const save = await ("handleTogether" in consumer
    ? handleTogether(consumer, events, messages, handling)
    : handleInTurn(consumer, events, messages, handling));
  return { save, result: messages };
}

/** Each finds what those before it have left. */
async function handleInTurn(
  consumer: SingleConsumer,
  events: readonly Event[],
  messages: readonly Message[],
  { session, outcome }: Handling,
): Promise<readonly Statement[]> {
  let save: readonly Statement[] = [];
  for (const [index, message] of messages.entries()) {
    await session.run(save);
    save = await consumer.handle(message, session, openSpan(consumer, events[index] as Event, outcome));
  }
  return save;
}

async function handleTogether(
  consumer: JointConsumer,
  events: readonly Event[],
  messages: readonly Message[],
  { session, outcome }: Handling,
): Promise<readonly Statement[]> {
  for (const event of events) openSpan(consumer, event, outcome);
  return consumer.handleTogether(messages, session);
}

/** Opens the span of an event that lasts until there is an outcome, and has it say so where that is an error. */
function openSpan(consumer: Consumer, event: Event, outcome: Promise<unknown>): Call {
  const { id, requestId, traceparent } = event;
  const trace = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : undefined;
  let call = new Call({ requestId: requestId || id, trace });
  // Its work is called at once.
  inSpan(
    () => consumerSpan(consumer, event),
    call,
    (within) => {
      call = within;
      return outcome;
    },
  ).catch(() => undefined);
  return call;
}
