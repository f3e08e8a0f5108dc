import test from "ava";
import { pino } from "pino";
import { Leases, leasesMigration } from "./leases.ts";
import { sqliteEngine, testDatabase } from "./testing/engines.ts";
import { eventually } from "./testing/eventually.ts";
import { pause } from "./waiting.ts";
import { runWorkers } from "./workers.ts";

const engine = sqliteEngine();
const database = await testDatabase(engine, "workers", [leasesMigration]);
const log = pino({ level: "silent" });
test.after.always(async () => {
  await database.close();
  await engine.remove();
});

test("a worker is run again and again, until it is stopped", async (t) => {
  let runs = 0;
  const run = async () => void runs++;
  const workers = runWorkers([{ name: "count", everyMs: 1, alone: false, run }], new Leases(database), log);
  await eventually(async () => runs > 3);
  await workers.stop();
  const atStop = runs;
  await pause(20, AbortSignal.timeout(1_000));
  t.is(runs, atStop);
});

test("to stop is to tell the run under way, and to wait for it", async (t) => {
  let state = "not begun";
  const run = async (signal: AbortSignal) => {
    state = "under way";
    await pause(60_000, signal);
    state = "ended";
  };
  const workers = runWorkers([{ name: "long", everyMs: 1, alone: true, run }], new Leases(database), log);
  await eventually(async () => state === "under way");
  await workers.stop();
  t.is(state, "ended");
});

test("a worker that fails is run again, and the others run on", async (t) => {
  const runs = { failing: 0, sound: 0 };
  const workers = runWorkers(
    [
      {
        name: "failing",
        everyMs: 1,
        alone: false,
        run: async () => {
          runs.failing++;
          throw new Error("no");
        },
      },
      { name: "sound", everyMs: 1, alone: false, run: async () => void runs.sound++ },
    ],
    new Leases(database),
    log,
  );
  await eventually(async () => runs.failing > 1 && runs.sound > 5);
  await workers.stop();
  t.pass();
});

test("a worker that is to be alone never runs twice at once, with however many replicas", async (t) => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const run = async () => {
    most = Math.max(most, ++running);
    await pause(2, AbortSignal.timeout(1_000));
    running--;
    runs++;
  };
  const replicas = Array.from({ length: 3 }, () =>
    runWorkers([{ name: "alone", everyMs: 1, alone: true, run }], new Leases(database), log),
  );
  await eventually(async () => runs > 10);
  await Promise.all(replicas.map((replica) => replica.stop()));
  t.is(most, 1);
});
