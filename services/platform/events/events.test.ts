import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { propagation, ROOT_CONTEXT, type SpanContext, trace } from "@opentelemetry/api";
import test from "ava";
import { connect, headers } from "nats";
import {
  DeadLetterService,
  type ListDeadLettersResponse,
} from "../../../gen/giftmesh/events/v1/dead_letter_service_pb.ts";
import { UserRegisteredSchema } from "../../../gen/giftmesh/profile/v1/user_pb.ts";
import { Call } from "../rpc/call.ts";
import { flow } from "../testing/event-flow.ts";
import { duplicateWindowMs, Replica, range } from "../testing/event-mesh.ts";
import { eventually } from "../testing/eventually.ts";
import { serveDeadLetters } from "./dead-letter-service.ts";
import type { Event, EventTransport } from "./transport.ts";

flow("every event has its effect once, in the order of its producer", async (t, engine, transport) => {
  const replica = await Replica.start(engine, transport);
  for (let first = 1; first < 600; first += 10) await replica.register(range(first, first + 9));
  t.deepEqual(await replica.effectsOf(600), range(1, 600));
  await replica.stop();
});

flow("a steady flow of events leaves together, fifty times a second at most", async (t, engine, transport) => {
  let times = 0;
  const wrapTransport = (own: EventTransport): EventTransport =>
    Object.assign(Object.create(own) as EventTransport, {
      publish: (events: readonly Event[]) => {
        times++;
        return own.publish(events);
      },
    });
  const replica = await Replica.start(engine, transport, { wrapTransport });
  const begun = performance.now();
  for (let first = 1; first < 1_000; first += 10) await replica.register(range(first, first + 9));
  t.deepEqual(await replica.effectsOf(1_000), range(1, 1_000));
  t.true(times <= 2 + (performance.now() - begun) / 20, `${times} times`);
  await replica.stop();
});

flow("what has not arrived is sent again", async (t, engine, transport) => {
  let times = 0;
  const wrapTransport = (own: EventTransport): EventTransport =>
    Object.assign(Object.create(own) as EventTransport, {
      publish: async (events: readonly Event[]) => {
        if (++times > 1) return own.publish(events);
        const arrived = await own.publish(events.slice(0, events.length >> 1));
        return events.map(
          (_, index) => arrived[index] ?? { status: "rejected", reason: new Error("It has not arrived") },
        );
      },
    });
  const replica = await Replica.start(engine, transport, { wrapTransport });
  await replica.register(range(1, 10));
  t.deepEqual(await replica.effectsOf(10), range(1, 10));
  await replica.stop();
});

flow("a transport that takes nothing is asked ever less often", async (t, engine, transport) => {
  const askedAt: number[] = [];
  let isThere = false;
  const wrapTransport = (own: EventTransport): EventTransport =>
    Object.assign(Object.create(own) as EventTransport, {
      publish: async (events: readonly Event[]) => {
        askedAt.push(performance.now());
        if (!isThere) throw new Error("It is not there");
        return own.publish(events);
      },
    });
  const replica = await Replica.start(engine, transport, { wrapTransport });
  await replica.register([1]);
  await eventually(async () => askedAt.length >= 4);
  const [, second = 0, third = 0, fourth = 0] = askedAt;
  // The second pause is 100 to 200 ms long, and the third 200 to 400.
  t.true(third - second > 90 && fourth - third > 190, askedAt.join(", "));
  isThere = true;
  t.deepEqual(await replica.effectsOf(1), [1]);
  await replica.stop();
});

flow("an event of a transaction that is rolled back never was", async (t, engine, transport) => {
  const replica = await Replica.start(engine, transport);
  await t.throwsAsync(
    replica.producing.transaction(async (tx) => {
      await tx.run([{ sql: "UPDATE outbox SET sent_at = 0", values: [] }]);
      await replica.registerIn(tx, [1]);
      throw new Error("no");
    }),
    { message: "no" },
  );
  await replica.register([2]);
  t.deepEqual(await replica.effectsOf(1), [2]);
  await replica.stop();
});

flow("an event that comes again long after has no second effect", async (t, engine, transport) => {
  const replica = await Replica.start(engine, transport);
  await replica.register(range(1, 100));
  await replica.effectsOf(100);
  await replica.allSent();
  for (let time = 0; time < 3; time++) {
    await sleep(2 * duplicateWindowMs);
    await replica.sendAgain();
  }
  await replica.register([101]);
  t.deepEqual(await replica.effectsOf(101), range(1, 101));
  await replica.stop();
});

// SQLite has one process at a time.
flow(
  "two replicas of both services have every effect once",
  async (t, engine, transport) => {
    const replicas = await Promise.all([Replica.start(engine, transport), Replica.start(engine, transport)]);
    const [one, other] = replicas as [Replica, Replica];
    for (let first = 1; first < 200; first += 20) {
      await Promise.all([one.register(range(first, first + 9)), other.register(range(first + 10, first + 19))]);
    }
    t.deepEqual(
      (await one.effectsOf(200)).toSorted((a, b) => a - b),
      range(1, 200),
    );
    // What is handled twice would be by now: the same events are on their way to both once more.
    await sleep(2 * duplicateWindowMs);
    await one.sendAgain();
    await other.register([201]);
    await one.effectsOf(201);
    t.is((await one.effects()).length, 201);
    await Promise.all(replicas.map((replica) => replica.stop()));
  },
  ["MySQL"],
);

flow("a replica takes over from one that has stopped", async (t, engine, transport) => {
  const first = await Replica.start(engine, transport);
  await first.register([1]);
  await first.effectsOf(1);
  await first.stop();
  const second = await Replica.start(engine, transport);
  await second.register([2]);
  t.deepEqual(await second.effectsOf(2), [1, 2]);
  await second.stop();
});

flow("an event that fails for a while has its effect once in the end", async (t, engine, transport) => {
  let attempts = 0;
  const replica = await Replica.start(engine, transport, {
    before: ({ userId }) => {
      if (userId === 2n && ++attempts < 3) throw new Error("not now");
    },
  });
  await replica.register(range(1, 3));
  t.deepEqual((await replica.effectsOf(3)).toSorted(), [1, 2, 3]);
  await replica.stop();
});

flow(
  "events that are taken together have their effects once, in order, though they come again",
  async (t, engine, transport) => {
    const replica = await Replica.start(engine, transport, { together: true });
    for (let first = 1; first < 600; first += 100) await replica.register(range(first, first + 99));
    t.deepEqual(await replica.effectsOf(600), range(1, 600));
    await sleep(2 * duplicateWindowMs);
    await replica.sendAgain();
    await replica.register([601]);
    t.deepEqual(await replica.effectsOf(601), range(1, 601));
    await replica.stop();
  },
);

flow("one that fails among those that are taken together holds up no other", async (t, engine, transport) => {
  let isPoison = true;
  const replica = await Replica.start(engine, transport, {
    together: true,
    before: ({ userId }) => {
      if (userId === 7n && isPoison) throw new Error("not 7");
    },
  });
  await replica.register(range(1, 20));
  const others = range(1, 20).filter((userId) => userId !== 7);
  t.deepEqual(await replica.effectsOf(19), others);
  await eventually(async () => (await replica.consumer.deadLetters.list(10)).length === 1);
  isPoison = false;
  const [letter] = await replica.consumer.deadLetters.list(10);
  t.true(letter && (await replica.consumer.deadLetters.replay(letter)));
  t.deepEqual(await replica.effects(), [...others, 7]);
  await replica.stop();
});

for (const together of [false, true]) {
  const how = together ? "together" : "one after another";
  flow(`who takes events ${how} is told of those that are committed, and of no other`, async (t, engine, transport) => {
    const told: number[] = [];
    let attempts = 0;
    const replica = await Replica.start(engine, transport, {
      together,
      before: ({ userId }) => {
        if (userId === 3n && ++attempts < 3) throw new Error("not yet");
      },
      committed: (userIds) => void told.push(...userIds),
    });
    await replica.register(range(1, 5));
    await replica.effectsOf(5);
    await eventually(async () => told.length >= 5);
    // The one that failed is tried beside the others: of two commits at once either may be told of first.
    t.deepEqual(told.toSorted(), (await replica.effects()).toSorted());
    await replica.stop();
  });
}

flow("an event that always fails holds up no other, and is handled by a replay", async (t, engine, transport) => {
  let isPoison = true;
  const replica = await Replica.start(engine, transport, {
    before: ({ userId }) => {
      if (userId === 50n && isPoison) throw new Error("poison");
    },
  });
  const { handlers } = serveDeadLetters([replica.producer.deadLetters, replica.consumer.deadLetters]);
  const call = new Call({ requestId: "operator" });
  const list = async () => (await handlers.listDeadLetters?.({} as never, call)) as ListDeadLettersResponse;
  const replay = (request: object) => handlers.replayDeadLetters?.(request as never, call) as Promise<object>;

  await replica.register(range(1, 100), new Call({ requestId: "request-7" }));
  await replica.effectsOf(99);
  await eventually(async () => (await list()).deadLetters.length === 1);
  t.false((await replica.effects()).includes(50));
  t.like((await list()).deadLetters[0], {
    consumer: "wallet-effect",
    subject: "giftmesh.profile.user-registered",
    error: "Error: poison",
    attempts: 3,
  });

  t.like(await replay({}), { handledCount: 0, failedCount: 1 });
  t.is((await list()).deadLetters[0]?.attempts, 4);
  isPoison = false;
  t.like(await replay({ consumer: "another" }), { handledCount: 0, failedCount: 0 });
  await replica.sendAgain();
  t.is((await replica.effects()).length, 99, "a dead letter waits for its operator, even if it comes again");
  t.like(await replay({ consumer: "wallet-effect" }), { handledCount: 1, failedCount: 0 });
  t.is((await list()).deadLetters.length, 0);
  t.is((await replica.effects()).filter((userId) => userId === 50).length, 1);
  await replica.stop();
});

flow(
  "what somebody else puts on a subject, with headers as long as they like, holds up no event",
  async (t, engine, transport) => {
    if (!transport.server) {
      t.pass();
      return;
    }
    const replica = await Replica.start(engine, transport);
    const connection = await connect({ servers: new URL(transport.server.url).host });
    await replica.register([1]);
    await replica.effectsOf(1);
    const strange = headers();
    for (const name of ["Nats-Msg-Id", "traceparent", "x-request-id"]) strange.set(name, "long".repeat(100));
    const subject = `${transport.server.prefix}.profile.user-registered`;
    const payload = toBinary(UserRegisteredSchema, create(UserRegisteredSchema, { userId: 2n }));
    for (const bytes of [payload, payload, new Uint8Array([255])]) {
      await connection.jetstream().publish(subject, bytes, { headers: strange });
      await sleep(2 * duplicateWindowMs);
    }
    await connection.close();
    await replica.register(range(3, 20));
    t.deepEqual(await replica.effectsOf(20), range(1, 20));
    await replica.stop();
  },
);

test("DeadLetterService has handlers for all its RPCs", (t) => {
  const { service, handlers } = serveDeadLetters([]);
  t.is(service, DeadLetterService);
  t.deepEqual(Object.keys(handlers).toSorted(), Object.keys(DeadLetterService.method).toSorted());
});

flow("a consumer knows the request and the trace that led to the event", async (t, engine, transport) => {
  propagation.setGlobalPropagator({
    inject: (context, carrier, { set }) => {
      const { traceId, spanId } = trace.getSpanContext(context) ?? {};
      if (traceId) set(carrier, "traceparent", `00-${traceId}-${spanId}-01`);
    },
    extract: (context, carrier, { get }) => {
      const [, traceId = "", spanId = ""] = String(get(carrier, "traceparent")).split("-");
      return trace.setSpanContext(context, { traceId, spanId, traceFlags: 1 });
    },
    fields: () => ["traceparent"],
  });
  const cause: SpanContext = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
  const seen: Call[] = [];
  const replica = await Replica.start(engine, transport, { before: (_, call) => void seen.push(call) });
  const call = new Call({ requestId: "request-1", trace: trace.setSpanContext(ROOT_CONTEXT, cause) });
  await replica.register([1], call);
  await replica.effectsOf(1);
  t.is(seen[0]?.requestId, "request-1");
  t.is(seen[0]?.trace && trace.getSpanContext(seen[0].trace)?.traceId, cause.traceId);
  await replica.stop();
});
