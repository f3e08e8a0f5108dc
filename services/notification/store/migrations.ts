import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-messages",
    up: (knex) =>
      createTable(knex, "messages", (table) => {
        table.bigInteger("id").primary();
        table.string("channel", 10).notNullable();
        table.string("recipient", 254).notNullable();
        table.text("subject").notNullable();
        table.text("body", "mediumtext").notNullable();
        // pending, delivered, failed (given up), or kept: there is no server for its channel, so it never leaves.
        table.string("status", 10).notNullable();
        table.bigInteger("attempts").notNullable();
        // When a pending message may be tried, 0 at first; while one replica tries it, when another one may.
        table.bigInteger("due_at").notNullable();
        table.bigInteger("created_at").notNullable();
        table.index(["status", "channel", "due_at"]);
        table.index(["created_at", "id"]);
        table.index(["recipient", "created_at", "id"]);
      }),
  },
  {
    name: "002-message-requests",
    up: (knex) =>
      createTable(knex, "message_requests", (table) => {
        // As whoever asked made it.
        table.string("id", 64).primary();
        table.bigInteger("created_at").notNullable().index();
      }),
  },
];
