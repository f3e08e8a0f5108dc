import { fromBinary } from "@bufbuild/protobuf";
import { type Context, propagation, ROOT_CONTEXT, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import type { Transaction } from "../database/database.ts";
import { Call } from "../rpc/call.ts";
import type { Consumer } from "./consumer.ts";
import type { Event } from "./road.ts";

const tracer: Tracer = trace.getTracer("giftmesh");

/** An event that its consumer has prepared for, and whose effect is only to be had. */
export type Effect = (tx: Transaction) => Promise<void>;

/** Reads an event and has its consumer prepare for it. The effect belongs to the request and trace of its cause. */
export async function prepare(consumer: Consumer, event: Event): Promise<Effect> {
  const message = fromBinary(consumer.message, event.payload);
  const call = new Call({ requestId: event.requestId || event.id, trace: traceOf(event) });
  const prepared = await consumer.prepare?.(message, call);
  return (tx) => spanning(consumer, call, (inSpan) => consumer.handle(message, tx, inSpan, prepared));
}

function traceOf({ traceparent }: Event): Context | undefined {
  return traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : undefined;
}

async function spanning(consumer: Consumer, call: Call, work: (call: Call) => Promise<void>): Promise<void> {
  const parent = call.trace ?? ROOT_CONTEXT;
  const span = tracer.startSpan(`${consumer.name} ${consumer.subject}`, { kind: SpanKind.CONSUMER }, parent);
  try {
    await work(call.with({ trace: trace.setSpan(parent, span) }));
  } catch (error) {
    span.recordException(error as Error);
    throw error;
  } finally {
    span.end();
  }
}
