import { fromBinary } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Transaction } from "../database/database.ts";
import { Call } from "../rpc/call.ts";
import { inSpan } from "../tracing.ts";
import type { Consumer } from "./consumer.ts";
import { consumerSpan } from "./event-spans.ts";
import type { Event } from "./road.ts";

/** Has a consumer handle an event, within the request and trace that led to it. */
export function handle(consumer: Consumer, event: Event, tx: Transaction): Promise<void> {
  const { id, payload, requestId, traceparent } = event;
  const trace = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : undefined;
  return inSpan(
    () => consumerSpan(consumer, event),
    new Call({ requestId: requestId || id, trace }),
    async (call) => consumer.handle(fromBinary(consumer.message, payload), tx, call),
  );
}
