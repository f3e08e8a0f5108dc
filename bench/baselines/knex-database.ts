import createKnex, { type Knex } from "knex";

/** Connections of a baseline: with more of them, transactions only wait for each other. */
export const connections = 32;

/** A new, empty database on a MySQL server, as knex has it, with up to so many connections. */
export async function openDatabase(server: string, name: string, most = connections): Promise<Knex> {
  const knex = createKnex({ client: "mysql2", connection: server });
  await knex.raw("CREATE DATABASE ?? CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", [name]);
  await knex.destroy();
  return connect(server, name, most);
}

/** One that is there. */
export function connect(server: string, name: string, most = connections): Knex {
  return createKnex({ client: "mysql2", connection: urlOf(server, name), pool: { min: 0, max: most } });
}

/** Where a database on a server is. */
export function urlOf(server: string, name: string): string {
  return new URL(`/${name}`, server).href;
}
