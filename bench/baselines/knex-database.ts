import createKnex, { type Knex } from "knex";
import { settings } from "./front.ts";

/** Connections: with more of them, transactions only wait for each other. */
const connections = 32;

/** A new, empty database on the MySQL server, as knex has it. */
export async function openDatabase(): Promise<Knex> {
  const server = createKnex({ client: "mysql2", connection: settings.store });
  await server.raw("CREATE DATABASE ?? CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", [settings.database]);
  await server.destroy();
  const url = new URL(settings.store);
  url.pathname = settings.database;
  return createKnex({ client: "mysql2", connection: url.href, pool: { min: 0, max: connections } });
}
