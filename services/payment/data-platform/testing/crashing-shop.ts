/**
 * A process for tests to lose: a replica that has orders paid, and sends them until it is killed. Its arguments are the
 * engine's name, the environment as JSON, and how many orders of how many users.
 */

import type { Engine } from "../../../platform/testing/engines.ts";
import { orders } from "./orders.ts";
import { Shop } from "./shop.ts";

const [name, environment = "{}", users, each] = process.argv.slice(2);
const engine: Engine = {
  name: name as Engine["name"],
  environment: JSON.parse(environment),
  remove: async () => undefined,
};
const shop = await Shop.start(engine);
await shop.happen(...orders(Number(users), Number(each)));
