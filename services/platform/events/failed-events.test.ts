import { randomUUID } from "node:crypto";
import test from "ava";
import { engines, testDatabase } from "../testing/engines.ts";
import { now } from "../time.ts";
import { type FailedEvent, FailedEvents } from "./failed-events.ts";
import { eventsMigration } from "./migrations.ts";

const minute = 60_000_000n;

const found = engines();
const databases = await Promise.all(found.map((engine) => testDatabase(engine, "failing", [eventsMigration])));
test.after.always(async () => {
  for (const database of databases) await database.close();
  for (const engine of found) await engine.remove();
});

for (const database of databases) {
  const on = `(${database.dialect})`;
  const failedEvents = new FailedEvents(database);

  /** One that has failed once, and may be tried again now. */
  const keep = async (changes: Partial<FailedEvent> = {}): Promise<FailedEvent> => {
    const event = {
      id: randomUUID(),
      subject: "giftmesh.test",
      payload: new Uint8Array([1]),
      traceparent: "",
      requestId: "test",
    };
    const failed = {
      consumer: "effect",
      event,
      error: "no",
      attempts: 1,
      nextAttemptAt: now() - 1n,
      deadAt: 0n,
      ...changes,
    };
    await failedEvents.keep(failed);
    return failed;
  };
  const isDue = async ({ event }: FailedEvent) => (await failedEvents.due()).some((due) => due.event.id === event.id);

  test(`of 20 that want to try an event at once, one may, and nobody else for a minute ${on}`, async (t) => {
    const failed = await keep();
    t.true(await isDue(failed));
    const claims = await Promise.all(Array.from({ length: 20 }, () => failedEvents.claim(failed)));
    t.is(claims.filter(Boolean).length, 1);
    t.false(await isDue(failed));
    t.false(await failedEvents.claim(failed));
  });

  test(`an event is tried neither before its time nor once it is dead ${on}`, async (t) => {
    const [early, dead] = [await keep({ nextAttemptAt: now() + minute }), await keep({ deadAt: now() })];
    t.deepEqual([await isDue(early), await isDue(dead)], [false, false]);
    t.false(await failedEvents.claim(dead));
    t.true((await failedEvents.dead(100)).some(({ event }) => event.id === dead.event.id));
  });

  test(`an event that has failed before is kept as it is when it fails for the first time elsewhere ${on}`, async (t) => {
    const failed = await keep({ attempts: 3, error: "the third" });
    await failedEvents.keep({ ...failed, attempts: 1, error: "the first" });
    const [kept] = (await failedEvents.due()).filter(({ event }) => event.id === failed.event.id);
    t.like(kept, { attempts: 3, error: "the third" });
  });
}
