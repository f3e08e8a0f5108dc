import { SpanKind } from "@opentelemetry/api";
import type { SpanDescription } from "../tracing.ts";
import type { Consumer } from "./consumer.ts";
import type { Event } from "./transport.ts";

/** The span of an event as it is put into an outbox. */
export function producerSpan(subject: string): SpanDescription {
  return {
    name: `send ${subject}`,
    kind: SpanKind.PRODUCER,
    attributes: attributesOf(subject, "send"),
  };
}

/** The span of an event as a consumer handles it. */
export function consumerSpan({ name }: Consumer, { id, subject }: Event): SpanDescription {
  return {
    name: `process ${subject}`,
    kind: SpanKind.CONSUMER,
    attributes: {
      ...attributesOf(subject, "process"),
      "messaging.consumer.group.name": name,
      "messaging.message.id": id,
    },
  };
}

/** By the semantic conventions for messaging; the system is the outbox, whatever carries the events on. */
function attributesOf(subject: string, operation: "send" | "process") {
  return {
    "messaging.system": "giftmesh",
    "messaging.destination.name": subject,
    "messaging.operation.name": operation,
    "messaging.operation.type": operation,
  };
}
