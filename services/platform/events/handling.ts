import { fromBinary } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import type { Transaction } from "../database/database.ts";
import { Call } from "../rpc/call.ts";
import type { Consumer } from "./consumer.ts";
import type { Event } from "./road.ts";

const tracer: Tracer = trace.getTracer("giftmesh");

/** Has a consumer handle an event, within the request and trace that led to it. */
export async function handle(consumer: Consumer, event: Event, tx: Transaction): Promise<void> {
  const parent = event.traceparent
    ? propagation.extract(ROOT_CONTEXT, { traceparent: event.traceparent })
    : ROOT_CONTEXT;
  const span = tracer.startSpan(`${consumer.name} ${event.subject}`, { kind: SpanKind.CONSUMER }, parent);
  const call = new Call({ requestId: event.requestId || event.id, trace: trace.setSpan(parent, span) });
  try {
    await consumer.handle(fromBinary(consumer.message, event.payload), tx, call);
  } catch (error) {
    span.recordException(error as Error);
    throw error;
  } finally {
    span.end();
  }
}
