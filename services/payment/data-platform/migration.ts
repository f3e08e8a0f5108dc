import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

/** What leaves for the data platform. */
export const dataPlatformMigration: Migration = {
  name: "002-deliveries",
  up: (knex) =>
    createTable(knex, "deliveries", (table) => {
      // Given by the database as a row is written: what was committed before another row was begun stands before it,
      // whatever the clocks of the replicas say. It is the order that deliveries leave in.
      table.bigIncrements("place");
      table.string("type", 20).notNullable();
      table.bigInteger("order_id").notNullable();
      table.bigInteger("user_id").notNullable();
      // JSON, made once: every attempt and every replay sends the same bytes.
      table.specificType("body", "mediumblob").notNullable();
      table.bigInteger("occurred_at").notNullable();
      // waiting, sent (the platform has taken it), or dead (given up).
      table.string("state", 10).notNullable();
      // Since it was added or replayed.
      table.bigInteger("attempts").notNullable();
      // While it waits, when it may be tried.
      table.bigInteger("next_attempt_at").notNullable();
      // What its last attempt failed of; empty where none did.
      table.string("error", 1_000).notNullable();
      // 0 where it never was.
      table.bigInteger("sent_at").notNullable();
      // Which replay it was last part of; 0 where of none.
      table.bigInteger("replay").notNullable();
      // An order is paid once, and cancelled once.
      table.unique(["order_id", "type"]);
      table.index(["state", "user_id", "place"]);
      table.index(["occurred_at", "place"]);
    }),
};
