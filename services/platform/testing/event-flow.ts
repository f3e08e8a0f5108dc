import test, { type ExecutionContext } from "ava";
import { type Engine, engines, mysqlEngine, sqliteEngine } from "./engines.ts";
import { type TestTransport, testTransports } from "./event-mesh.ts";

type Flow = (t: ExecutionContext, engine: Engine, transport: TestTransport) => Promise<void>;

const newEngine = { SQLite: sqliteEngine, MySQL: mysqlEngine };
const found = engines();
const engineNames = found.map(({ name }) => name);
const transports = Object.entries(testTransports());
await Promise.all(found.map((engine) => engine.remove()));

/** Declares a test of a flow on every engine over every transport, each with a database and a stream of its own. */
export function flow(title: string, run: Flow, on: readonly Engine["name"][] = engineNames): void {
  for (const name of engineNames.filter((one) => on.includes(one))) {
    for (const [transportName, newTransport] of transports) {
      test.serial(`${title} (${name}, ${transportName})`, async (t) => {
        const engine = newEngine[name]();
        const transport = newTransport();
        try {
          await run(t, engine, transport);
        } finally {
          await transport.remove();
          await engine.remove();
        }
      });
    }
  }
}
