import test from "ava";
import { IdSequence } from "./ids.ts";
import { engines, testDatabase } from "./testing/engines.ts";

const databases = await Promise.all(
  engines().map(async (engine) => ({ engine, database: await testDatabase(engine, "ids", []) })),
);

for (const { engine, database } of databases) {
  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test(`what two replicas number is unique, and sorted by when it was made, to the second, on ${engine.name}`, async (t) => {
    let passedMs = 0;
    const [one, other] = [1, 2].map(() => new IdSequence(database, "things", 10n, () => passedMs));
    const ids: bigint[] = [];
    for (const sequence of [one, other, one, other, one, one]) {
      ids.push((await sequence?.take()) ?? 0n);
      passedMs += 1_001;
    }
    t.deepEqual(
      ids,
      ids.toSorted((a, b) => Number(a - b)),
    );
    t.is(new Set(ids).size, ids.length);
  });

  test(`ids that are taken within a second are of one block, and then of the next, on ${engine.name}`, async (t) => {
    let passedMs = 0;
    const sequence = new IdSequence(database, "others", 3n, () => passedMs);
    t.deepEqual(await sequence.takeMany(2), [1n, 2n]);
    passedMs = 999;
    t.deepEqual(await sequence.takeMany(3), [3n, 4n, 5n]);
    passedMs = 1_998;
    t.is(await sequence.take(), 6n);
    passedMs = 2_999;
    t.is(await sequence.take(), 7n);
    passedMs = 3_999;
    t.is(await sequence.take(), 10n);
  });
}
