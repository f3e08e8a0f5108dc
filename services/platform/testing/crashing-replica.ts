/**
 * A process for tests to lose: a replica that kills itself, as by `kill -9`, at the point that the first argument
 * names. The others: the engine's name and its environment as JSON, and where there is a broker its URL and the
 * transport's prefix.
 */

import type { Database } from "../database/database.ts";
import type { EventTransport } from "../events/transport.ts";
import type { Engine } from "./engines.ts";
import { inProcessTestTransport, natsTestTransport, Replica, range } from "./event-mesh.ts";

const [point, engineName, environment = "{}", url, prefix] = process.argv.slice(2);

const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  throw new Error("not dead");
};

/** Dies when the consumer's effect is committed, and nobody knows yet. */
const dyingAfterEffect = (database: Database): Database => ({
  ...database,
  batch: async (load, decide) => {
    const result = await database.batch(load, decide);
    const effects = await database.select({ sql: "SELECT user_id FROM effects LIMIT 1", values: [] });
    return effects.length > 0 ? die() : result;
  },
});

/** Dies when the events have arrived, and are not marked as sent yet. */
const dyingAfterPublish = (transport: EventTransport): EventTransport => ({
  publish: async (events) => {
    await transport.publish(events);
    return die();
  },
  subscribe: (subscriber) => transport.subscribe(subscriber),
  state: () => transport.state(),
  signal: (channel, payload) => transport.signal(channel, payload),
  onSignal: (channel, heard) => transport.onSignal(channel, heard),
  close: () => transport.close(),
});

const engine: Engine = {
  name: engineName as Engine["name"],
  environment: JSON.parse(environment),
  remove: async () => undefined,
};
const transport = url ? natsTestTransport(url, prefix) : inProcessTestTransport();
const replica = await Replica.start(engine, transport, {
  ...(point === "after-effect" && { wrapDatabase: dyingAfterEffect }),
  ...(point === "after-publish" && { wrapTransport: dyingAfterPublish }),
});
await replica.register(range(1, 50));
if (point === "after-commit") die();
