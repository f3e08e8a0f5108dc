import { headers, type JsMsg, type MsgHdrs } from "nats";
import type { Event } from "./road.ts";

const idHeader = "Nats-Msg-Id";
const traceHeader = "traceparent";
const requestHeader = "x-request-id";

/** What travels beside an event's payload; the server knows an event again by its `Nats-Msg-Id`. */
export function headersOf({ id, traceparent, requestId }: Event): MsgHdrs {
  const all = headers();
  all.set(idHeader, id);
  if (traceparent) all.set(traceHeader, traceparent);
  if (requestId) all.set(requestHeader, requestId);
  return all;
}

/** The event that a message carries, which came for a subscriber of this subject. */
export function eventOf(message: JsMsg, subject: string): Event {
  return {
    id: message.headers?.get(idHeader) || `sequence-${message.seq}`,
    subject,
    payload: message.data,
    traceparent: message.headers?.get(traceHeader) ?? "",
    requestId: message.headers?.get(requestHeader) ?? "",
  };
}
