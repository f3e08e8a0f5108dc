import { randomBytes } from "node:crypto";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Session, Statement } from "../database/database.ts";
import { insertInto } from "../database/statements.ts";
import type { Call } from "../rpc/call.ts";
import { type Instant, now } from "../time.ts";
import { startSpan } from "../tracing.ts";
import { producerSpan } from "./event-spans.ts";

/** The largest event, in bytes: half of what a NATS server takes as it comes. */
const mostPayloadBytes = 512 * 1024;

/**
 * Where a service puts its events: rows that are written in the transaction of the effect that they tell of. Once
 * committed, an event reaches every consumer of its subject, in the order of this service's events, at least once;
 * the consumers' inboxes make that exactly once. Subjects start with `giftmesh.` and the service's name.
 *
 * Throws a RangeError for an event of more than 512 KiB.
 */
export interface Outbox {
  /** Adds an event within a transaction; `call` gives it the request and trace that led to it. */
  add<S extends DescMessage>(
    session: Session,
    subject: string,
    schema: S,
    event: MessageInitShape<S>,
    call?: Call,
  ): Promise<void>;

  /** The statement that adds an event, for a lane to save beside its effect. */
  adding<S extends DescMessage>(subject: string, schema: S, event: MessageInitShape<S>, call?: Call): Statement;
}

/** The outbox of one service's database; `added` is called with the id of every event, before its commit. */
export function createOutbox(added: (id: string) => void): Outbox {
  const nextId = idSource();
  const adding: Outbox["adding"] = (subject, schema, event, call) => {
    const payload = toBinary(schema, create(schema, event));
    if (payload.length > mostPayloadBytes) throw new RangeError(`An event on ${subject} is larger than 512 KiB`);
    const id = nextId();
    added(id);
    return insertInto(
      "outbox",
      ["id", "subject", "payload", "traceparent", "request_id", "sent_at"],
      [[id, subject, payload, traceparentOf(subject, call), call?.requestId ?? "", 0n]],
    );
  };
  return {
    adding,
    add: async (session, subject, schema, event, call) => {
      await session.run([adding(subject, schema, event, call)]);
    },
  };
}

/** The least id of what is added at or after an instant. Ids sort by when they were made. */
export function leastIdSince(instant: Instant): string {
  return instant.toString(16).padStart(14, "0");
}

/** 18 hexadecimal digits: 72 bits. */
const digitsInId = 18;

/** So many are drawn together: the system takes as long for them as for one. */
const drawnTogether = 256;

let drawn = "";

function randomDigits(): string {
  if (drawn === "") drawn = randomBytes((drawnTogether * digitsInId) / 2).toString("hex");
  const digits = drawn.slice(0, digitsInId);
  drawn = drawn.slice(digitsInId);
  return digits;
}

/** Gives ids that rise within this process, and are unique without asking anybody: an instant and 72 random bits. */
function idSource(): () => string {
  let last = 0n;
  return () => {
    const present = now();
    last = present > last ? present : last + 1n;
    return leastIdSince(last) + randomDigits();
  };
}

/** The W3C trace context of what an event leads to; empty where it is in none. */
function traceparentOf(subject: string, call: Call | undefined): string {
  const parent = call?.trace ?? ROOT_CONTEXT;
  const span = startSpan(() => producerSpan(subject), parent);
  span?.end();
  const carrier: { traceparent?: string } = {};
  propagation.inject(span ? trace.setSpan(parent, span) : parent, carrier);
  return carrier.traceparent ?? "";
}
