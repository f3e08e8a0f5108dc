/**
 * A process for tests to lose: a replica that kills itself, as by `kill -9`, over the so-manieth change of requests:
 * `before` it is committed or `after`. Its arguments: which change, `before` or `after`, the engine's name and the
 * environment as JSON.
 */

import type { Database } from "../../platform/database/database.ts";
import { InProcessTransport } from "../../platform/events/in-process-transport.ts";
import { Dispatcher } from "../../platform/rpc/dispatcher.ts";
import { MeshClients } from "../../platform/rpc/mesh-clients.ts";
import { type Engine, testConfig } from "../../platform/testing/engines.ts";
import { Integration } from "./integration.ts";
import { silent } from "./log.ts";

const [change, when, name, environment = "{}"] = process.argv.slice(2);

const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  throw new Error("not dead");
};

/** Only the lane that changes requests writes in batches. */
const dying = (database: Database): Database => {
  let changes = 0;
  return {
    ...database,
    batch: async (load, decide) => {
      let isLast = false;
      const result = await database.batch(load, async (rows, session) => {
        const decision = await decide(rows, session);
        if (decision.save.length > 0) isLast = ++changes === Number(change);
        if (isLast && when === "before") die();
        return decision;
      });
      return isLast ? die() : result;
    },
  };
};

const engine: Engine = {
  name: name as Engine["name"],
  environment: JSON.parse(environment),
  remove: async () => undefined,
};
const config = testConfig(engine);
const clients = new MeshClients({ config, dispatcher: new Dispatcher({ log: silent }), log: silent });
// It dies before it has sent anything: with nobody in this process to hear, what it sent would be lost to who lives on.
const transport = new InProcessTransport();
await transport.close();
const replica = await Integration.open({ config, clients, transport, wrapDatabase: dying });
await replica.begin();
