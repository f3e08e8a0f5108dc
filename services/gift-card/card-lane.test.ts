import test from "ava";
import { receiptsMigrations } from "../platform/receipt.ts";
import { type Engine, engines, testDatabase } from "../platform/testing/engines.ts";
import { now } from "../platform/time.ts";
import { openCardLane } from "./card-lane.ts";
import { taken } from "./domain/steps.ts";
import { CardCounters } from "./store/counters.ts";
import { migrations } from "./store/migrations.ts";
import { cardWith } from "./testing/cards.ts";

const open = async (engine: Engine) => ({
  engine,
  database: await testDatabase(engine, "gift-card", [...receiptsMigrations, ...migrations]),
});

for (const { engine, database } of await Promise.all(engines().map(open))) {
  test.after.always(async () => {
    await database.close();
    await engine.remove();
  });

  test(`a card whose code another replica has sealed anew meanwhile has one code of one key on ${engine.name}`, async (t) => {
    const lane = openCardLane(database, new CardCounters(database));
    const { id, code } = await lane.begin(cardWith({ dueAt: now() + 60_000_000n }));
    await database.commit([
      {
        sql: "UPDATE cards SET search_key = ?, search_key_id = 'two', sealed_code = ?, seal_key_id = 'two' WHERE id = ?",
        values: [Buffer.from("by two"), Buffer.from("sealed by two"), id],
      },
    ]);

    const another = { ...code, searchKey: Buffer.from("of another"), sealed: Buffer.from("another") };
    await lane.take({ id, step: (card, at) => taken({ ...card, code: another }, at) });

    const columns = "search_key, search_key_id, sealed_code, seal_key_id";
    const [row] = await database.select({ sql: `SELECT ${columns} FROM cards WHERE id = ?`, values: [id] });
    const bytes = [row?.search_key, row?.sealed_code].map((one) => Buffer.from(one as Uint8Array).toString());
    t.deepEqual([...bytes, row?.search_key_id, row?.seal_key_id], ["of another", "another", "one", "one"]);
  });
}
