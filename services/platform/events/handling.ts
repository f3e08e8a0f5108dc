import { fromBinary, type Message } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Transaction } from "../database/database.ts";
import { Call } from "../rpc/call.ts";
import { inSpan } from "../tracing.ts";
import type { Consumer, JointConsumer, SingleConsumer } from "./consumer.ts";
import { consumerSpan } from "./event-spans.ts";
import type { Event } from "./transport.ts";

/** Has a consumer handle events, each within the request and trace that led to it. Answers what they said. */
export async function handle(consumer: Consumer, events: readonly Event[], tx: Transaction): Promise<Message[]> {
  const messages = events.map(({ payload }) => fromBinary(consumer.message, payload));
  if ("handleTogether" in consumer) await handleTogether(consumer, events, messages, tx);
  else await handleInTurn(consumer, events, messages, tx);
  return messages;
}

async function handleInTurn(
  consumer: SingleConsumer,
  events: readonly Event[],
  messages: readonly Message[],
  tx: Transaction,
): Promise<void> {
  for (const [index, event] of events.entries()) {
    const message = messages[index];
    if (message) await inSpanOf(consumer, event, (call) => consumer.handle(message, tx, call));
  }
}

/** The span of each event is as long as it took to handle all. */
async function handleTogether(
  consumer: JointConsumer,
  events: readonly Event[],
  messages: readonly Message[],
  tx: Transaction,
): Promise<void> {
  const handling = Promise.withResolvers<void>();
  const spans = events.map((event) => inSpanOf(consumer, event, () => handling.promise));
  consumer.handleTogether(messages, tx).then(handling.resolve, handling.reject);
  await Promise.all(spans);
}

function inSpanOf(consumer: Consumer, event: Event, work: (call: Call) => Promise<void>): Promise<void> {
  const { id, requestId, traceparent } = event;
  const trace = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : undefined;
  return inSpan(() => consumerSpan(consumer, event), new Call({ requestId: requestId || id, trace }), work);
}
