import test, { type ExecutionContext } from "ava";
import { type Engine, engines, mysqlEngine, sqliteEngine } from "./engines.ts";
import { type TestRoad, testRoads } from "./event-mesh.ts";

type Flow = (t: ExecutionContext, engine: Engine, road: TestRoad) => Promise<void>;

const newEngine = { SQLite: sqliteEngine, MySQL: mysqlEngine };
const found = await engines();
const engineNames = found.map(({ name }) => name);
const roads = Object.entries(await testRoads());
await Promise.all(found.map((engine) => engine.remove()));

/** Declares a test of a flow on every engine over every road, each with a database and a stream of its own. */
export function flow(title: string, run: Flow, on: readonly Engine["name"][] = engineNames): void {
  for (const name of engineNames.filter((one) => on.includes(one))) {
    for (const [roadName, newRoad] of roads) {
      test.serial(`${title} (${name}, ${roadName})`, async (t) => {
        const engine = newEngine[name]();
        const road = newRoad();
        try {
          await run(t, engine, road);
        } finally {
          await road.remove();
          await engine.remove();
        }
      });
    }
  }
}
