import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import test from "ava";
import { CallerSchema } from "../../gen/giftmesh/common/v1/access_pb.ts";
import type { Database } from "../platform/database/database.ts";
import { NotFound, Refusal } from "../platform/refusal.ts";
import { Call } from "../platform/rpc/call.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { mostMissesOfAll, refusedUntil, window } from "./domain/guess-budget.ts";
import { Guesses } from "./guesses.ts";
import { missedGuessesMigration } from "./store/missed-guesses.ts";

const callOf = (userId: bigint) => new Call({ requestId: "test", caller: create(CallerSchema, { userId }) });

/** What came of so many guesses at once, by reason. */
async function outcomes(count: number, guess: () => Promise<unknown>): Promise<Record<string, number>> {
  const settled = await Promise.allSettled(Array.from({ length: count }, guess));
  const reasons = settled.map((one) => (one.status === "fulfilled" ? "hit" : (one.reason as Refusal).reason));
  const byReason = Map.groupBy(reasons, (reason) => reason);
  return Object.fromEntries(Array.from(byReason, ([reason, all]) => [reason, all.length]));
}

async function setUp(engine: Engine) {
  return { engine, database: await testDatabase(engine, "guesses", [missedGuessesMigration]) };
}

let lastUser = 0n;
const newUser = () => ++lastUser;
const miss = async () => {
  throw new NotFound("Gift card");
};

for (const { engine, database } of await Promise.all(engines().map(setUp))) {
  const on = `on ${engine.name}`;
  const guesses = new Guesses(database);

  /** As if all had happened so many seconds earlier. */
  const setBack = (seconds: bigint) =>
    database.commit([{ sql: "UPDATE missed_guesses SET missed_at = missed_at - ?", values: [seconds * 1_000_000n] }]);
  const forget = () => database.commit([{ sql: "DELETE FROM missed_guesses", values: [] }]);

  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test.serial(`of 500 misses at once ten are told so, and the others refused with a time to wait ${on}`, async (t) => {
    await forget();
    const call = callOf(newUser());
    const found = await outcomes(500, () => guesses.guess(call, miss));
    t.deepEqual(found, { GIFT_CARD_NOT_FOUND: 10, TOO_MANY_GUESSES: 490 });
    const error = await t.throwsAsync(
      guesses.guess(call, async () => "a card"),
      { instanceOf: Refusal },
    );
    t.is(error?.kind, "too_many");
    t.true((error?.retryAfterSeconds ?? 0) > 50 && (error?.retryAfterSeconds ?? 99) <= 60);
    t.is(await guesses.guess(callOf(newUser()), async () => "a card"), "a card");
  });

  test.serial(`a miss counts though its caller waits no longer, and has gone away ${on}`, async (t) => {
    await forget();
    const { caller } = callOf(newUser());
    const gone = new Call({ requestId: "test", caller, deadline: Date.now() - 1, cancelled: AbortSignal.abort() });
    t.deepEqual(await outcomes(30, () => guesses.guess(gone, miss)), { GIFT_CARD_NOT_FOUND: 10, TOO_MANY_GUESSES: 20 });
    t.is((await database.select({ sql: "SELECT user_id FROM missed_guesses", values: [] })).length, 10);
  });

  test.serial(`nobody cuts short what a look at a guess calls ${on}`, async (t) => {
    const { caller } = callOf(newUser());
    const gone = new Call({ requestId: "test", caller, deadline: Date.now() - 1, cancelled: AbortSignal.abort() });
    const found = await guesses.guess(gone, async (patient) => patient);
    t.like(found, { requestId: "test", caller });
    t.true(found.remainingMs > 1_000);
    t.is(found.cancelled, undefined);
    t.false(found.signal.aborted);
  });

  test.serial(`hits are free, and write nothing ${on}`, async (t) => {
    await forget();
    const call = callOf(newUser());
    t.deepEqual(await outcomes(500, () => guesses.guess(call, async () => "a card")), { hit: 500 });
    t.deepEqual(await database.select({ sql: "SELECT user_id FROM missed_guesses", values: [] }), []);
  });

  test.serial(`what fails otherwise is no miss ${on}`, async (t) => {
    const call = callOf(newUser());
    const fail = async () => {
      throw new Refusal("rule", { reason: "OTHER", message: "Something else" });
    };
    t.deepEqual(await outcomes(50, () => guesses.guess(call, fail)), { OTHER: 50 });
    t.is(await guesses.guess(call, async () => "a card"), "a card");
  });

  test.serial(`hits between misses do not buy more misses ${on}`, async (t) => {
    await forget();
    const call = callOf(newUser());
    let turn = 0;
    const found = await outcomes(40, () => guesses.guess(call, turn++ % 2 === 0 ? miss : async () => "a card"));
    t.is(found.GIFT_CARD_NOT_FOUND, 10);
  });

  test.serial(`a minute later there is room again, as misses grow old one by one ${on}`, async (t) => {
    await forget();
    const call = callOf(newUser());
    await outcomes(4, () => guesses.guess(call, miss));
    await setBack(30n);
    await outcomes(6, () => guesses.guess(call, miss));
    // Another replica remembers nothing of it.
    t.deepEqual(await outcomes(1, () => new Guesses(database).guess(call, miss)), { TOO_MANY_GUESSES: 1 });
    await setBack(31n);
    const replica = new Guesses(database);
    t.deepEqual(await outcomes(1, () => replica.guess(call, miss)), { GIFT_CARD_NOT_FOUND: 1 });
    const found = await outcomes(20, () => replica.guess(call, miss));
    t.deepEqual(found, { GIFT_CARD_NOT_FOUND: 3, TOO_MANY_GUESSES: 17 });
  });

  test.serial(`replicas count together ${on}`, async (t) => {
    await forget();
    const call = callOf(newUser());
    const replicas = [new Guesses(database), new Guesses(database), new Guesses(database)];
    for (let one = 0; one < 10; one++)
      await t.throwsAsync(replicas[one % 3]?.guess(call, miss) ?? miss(), { instanceOf: NotFound });
    for (const replica of replicas) {
      t.deepEqual(await outcomes(3, () => replica.guess(call, miss)), { TOO_MANY_GUESSES: 3 });
    }
  });

  test.serial(`who sets out at three replicas at once has the budget of each, and no more ${on}`, async (t) => {
    await forget();
    const call = callOf(newUser());
    const replicas = [new Guesses(database), new Guesses(database), new Guesses(database)];
    // Nobody has missed yet when the last of them sets out.
    const look = async () => {
      await sleep(20);
      return Math.random() < 0.3 ? "a card" : miss();
    };
    const found = await Promise.all(replicas.map((replica) => outcomes(100, () => replica.guess(call, look))));
    const misses = found.map((one) => one.GIFT_CARD_NOT_FOUND ?? 0);
    t.true(Math.max(...misses) <= 10, `${misses}`);
    for (const replica of replicas) {
      t.deepEqual(await outcomes(3, () => replica.guess(call, miss)), { TOO_MANY_GUESSES: 3 });
    }
  });

  test.serial(`while all together guess too much, only those who have missed are refused ${on}`, async (t) => {
    await forget();
    const [honest, unlucky] = [callOf(newUser()), callOf(newUser())];
    await outcomes(1, () => guesses.guess(unlucky, miss));
    t.is(await guesses.guess(unlucky, async () => "a card"), "a card");
    const others = mostMissesOfAll - 2;
    const found = await outcomes(others, () => guesses.guess(callOf(newUser()), miss));
    t.deepEqual(found, { GIFT_CARD_NOT_FOUND: others });
    t.is(await guesses.guess(unlucky, async () => "a card"), "a card", "there is room for one more");
    await outcomes(1, () => guesses.guess(callOf(newUser()), miss));
    t.deepEqual(await outcomes(3, () => guesses.guess(honest, async () => "a card")), { hit: 3 });
    t.deepEqual(await outcomes(1, () => guesses.guess(unlucky, async () => "a card")), { TOO_MANY_GUESSES: 1 });
    await setBack(61n);
    t.deepEqual(await outcomes(1, () => new Guesses(database).guess(unlucky, async () => "a card")), { hit: 1 });
  });

  test.serial(`what is older than a minute is forgotten ${on}`, async (t) => {
    await forget();
    await outcomes(3, () => guesses.guess(callOf(newUser()), miss));
    await setBack(61n);
    await outcomes(2, () => guesses.guess(callOf(newUser()), miss));
    await guesses.worker.run(new AbortController().signal);
    t.is((await database.select({ sql: "SELECT user_id FROM missed_guesses", values: [] })).length, 2);
  });

  test.serial(
    `a code that is not there asks as much of the database as one of somebody else's card ${on}`,
    async (t) => {
      const statements: string[] = [];
      const counted: Database = {
        ...database,
        select: (statement) => {
          statements.push(statement.sql);
          return database.select(statement);
        },
        commit: (all) => {
          statements.push(...all.map(({ sql }) => sql));
          return database.commit(all);
        },
      };
      const traces = [];
      for (const reason of ["nobody's", "somebody else's"]) {
        statements.length = 0;
        const look = async () => {
          throw new NotFound("Gift card", reason);
        };
        await t.throwsAsync(new Guesses(counted).guess(callOf(newUser()), look));
        traces.push([...statements]);
      }
      t.deepEqual(traces[0], traces[1]);
      t.is(traces[0]?.length, 2);
    },
  );
}

test("who is refused for what all guess may try again a minute after their own last miss", (t) => {
  t.is(refusedUntil({ own: [10n, 20n], areTooManyOfAll: true }), 20n + window);
  t.is(refusedUntil({ own: [10n, 20n], areTooManyOfAll: false }), undefined);
  t.is(refusedUntil({ own: [], areTooManyOfAll: true }), undefined);
});
