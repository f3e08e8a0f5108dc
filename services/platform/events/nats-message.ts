import { createHash } from "node:crypto";
import { headers, type JsMsg, type MsgHdrs } from "nats";
import type { Event } from "./transport.ts";

/** What a database has room for, in characters: ours are never longer, but whoever has the server may put anything there. */
const most = { id: 100, traceparent: 55, requestId: 255 } as const;

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
  const header = (name: string) => message.headers?.get(name) ?? "";
  return {
    id: idIn(header(idHeader)) || `sequence-${message.seq}`,
    subject,
    payload: message.data,
    traceparent: unlessLonger(header(traceHeader), most.traceparent),
    requestId: unlessLonger(header(requestHeader), most.requestId),
  };
}

/** One that is too long is still the same each time that it comes, and no other's. */
function idIn(text: string): string {
  return text.length > most.id ? createHash("sha256").update(text).digest("hex") : text;
}

function unlessLonger(text: string, most: number): string {
  return text.length > most ? "" : text;
}
