import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-vouchers",
    up: async (knex) => {
      await createTable(knex, "vouchers", (table) => {
        table.bigInteger("id").primary();
        // Null: asked for without one.
        table.string("request_key", 255).unique();
        table.string("phone_number", 32).notNullable().index();
        table.string("callback_url", 2_000).notNullable();
        table.string("code", 32).notNullable();
        table.string("verifier", 128).notNullable();
        table.bigInteger("requested_at").notNullable();
        table.bigInteger("ready_at").notNullable();
        table.string("misbehaviour", 32);
        table.string("callback", 10).notNullable();
        table.bigInteger("callback_at").notNullable();
        table.bigInteger("callback_attempts").notNullable();
        table.index(["callback", "callback_at"]);
      });
      await createTable(knex, "behaviour", (table) => {
        // One row, 1.
        table.bigInteger("id").primary();
        // JSON, as it was put.
        table.text("behaviour").notNullable();
      });
    },
  },
];
