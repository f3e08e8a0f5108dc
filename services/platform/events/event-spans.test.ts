import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import { pino } from "pino";
import { UserRegisteredSchema } from "../../../gen/giftmesh/profile/v1/user_pb.ts";
import { TraceReceiver } from "../../testing/trace-receiver.ts";
import { engines, testDatabase } from "../testing/engines.ts";
import { fastRetries } from "../testing/event-mesh.ts";
import { startTracing } from "../tracing.ts";
import { consume } from "./consumer.ts";
import { FailedEvents } from "./failed-events.ts";
import { Inbox } from "./inbox.ts";
import { eventsMigration } from "./migrations.ts";
import { Retries } from "./retries.ts";
import { Subscription } from "./subscription.ts";

const log = pino({ level: "silent" });
const subject = "giftmesh.profile.user-registered";

for (const together of [false, true]) {
  test.serial(
    `the span of an event tells that its effect was not written, handled ${together ? "with others" : "alone"}`,
    async (t) => {
      const receiver = new TraceReceiver();
      const endTracing = await startTracing(await receiver.start(), "wallet", log);
      const [engine] = engines();
      if (!engine) throw new Error("There is always SQLite");
      const database = await testDatabase(engine, "wallet", [eventsMigration]);
      const inbox = new Inbox(database);
      const retries = new Retries(new FailedEvents(database), inbox, fastRetries, log);
      const effect = async () => [{ sql: "INSERT INTO inbox VALUES ('one', 'two', NULL)", values: [] }];
      const about = { name: "wallet-effect", subject, message: UserRegisteredSchema };
      const consumer = consume({ ...about, ...(together ? { handleTogether: effect } : { handle: effect }) });
      const payload = toBinary(UserRegisteredSchema, create(UserRegisteredSchema, { userId: 1n }));
      await new Subscription(consumer, inbox, retries).deliver([
        { id: "profile-1", subject, payload, traceparent: "", requestId: "" },
      ]);
      await endTracing();
      t.is(receiver.spans.length, 1);
      t.true(receiver.spans[0]?.attributes.some(({ key }) => key === "error.type"));
      receiver.stop();
      await database.close();
      await engine.remove();
    },
  );
}
