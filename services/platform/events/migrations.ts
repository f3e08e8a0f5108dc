import { createTable } from "../database/migrate.ts";
import type { Migration } from "../service.ts";

/** What a service needs in its database to send and take events. */
export const eventsMigration: Migration = {
  name: "000-events",
  up: async (knex) => {
    await createTable(knex, "outbox", (table) => {
      table.string("id", 32).primary();
      table.string("subject", 100).notNullable();
      table.specificType("payload", "mediumblob").notNullable();
      table.string("traceparent", 55).notNullable();
      table.string("request_id", 255).notNullable();
      table.bigInteger("sent_at").notNullable();
      table.index(["sent_at", "id"]);
    });
    await createTable(knex, "relay_store", (table) => {
      table.string("name", 20).primary();
      table.string("store", 100).notNullable();
    });
    await createTable(knex, "inbox", (table) => {
      table.string("consumer", 100).notNullable();
      table.string("event_id", 100).notNullable();
      table.bigInteger("handled_at").notNullable().index();
      table.primary(["consumer", "event_id"]);
    });
    await createTable(knex, "failed_events", (table) => {
      table.string("consumer", 100).notNullable();
      table.string("event_id", 100).notNullable();
      table.string("subject", 100).notNullable();
      table.specificType("payload", "mediumblob").notNullable();
      table.string("traceparent", 55).notNullable();
      table.string("request_id", 255).notNullable();
      table.text("error").notNullable();
      table.bigInteger("attempts").notNullable();
      table.bigInteger("next_attempt_at").notNullable();
      table.bigInteger("dead_at").notNullable();
      table.primary(["consumer", "event_id"]);
      table.index(["dead_at", "next_attempt_at"]);
    });
  },
};
