import { fromBinary, type Message } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Decision, Session, Statement } from "../database/database.ts";
import { Call } from "../rpc/call.ts";
import { inSpan } from "../tracing.ts";
import type { Consumer, JointConsumer, SingleConsumer } from "./consumer.ts";
import { consumerSpan } from "./event-spans.ts";
import type { Event } from "./transport.ts";

/** Has a consumer handle events, each within the request and trace that led to it. Comes to what they said. */
export async function handle(
  consumer: Consumer,
  events: readonly Event[],
  session: Session,
): Promise<Decision<Message[]>> {
  const messages = events.map(({ payload }) => fromBinary(consumer.message, payload));
  const save = await ("handleTogether" in consumer
    ? handleTogether(consumer, events, messages, session)
    : handleInTurn(consumer, events, messages, session));
  return { save, result: messages };
}

/** Each finds what those before it have left. */
async function handleInTurn(
  consumer: SingleConsumer,
  events: readonly Event[],
  messages: readonly Message[],
  session: Session,
): Promise<readonly Statement[]> {
  let save: readonly Statement[] = [];
  for (const [index, event] of events.entries()) {
    const message = messages[index];
    if (!message) continue;
    await session.run(save);
    save = await inSpanOf(consumer, event, (call) => consumer.handle(message, session, call));
  }
  return save;
}

/** The span of each event is as long as it took to handle all. */
async function handleTogether(
  consumer: JointConsumer,
  events: readonly Event[],
  messages: readonly Message[],
  session: Session,
): Promise<readonly Statement[]> {
  const handling = consumer.handleTogether(messages, session);
  await Promise.all(events.map((event) => inSpanOf(consumer, event, () => handling)));
  return handling;
}

function inSpanOf<T>(consumer: Consumer, event: Event, work: (call: Call) => Promise<T>): Promise<T> {
  const { id, requestId, traceparent } = event;
  const trace = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : undefined;
  return inSpan(() => consumerSpan(consumer, event), new Call({ requestId: requestId || id, trace }), work);
}
