import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-requests",
    up: (knex) =>
      createTable(knex, "requests", (table) => {
        table.bigInteger("id").primary();
        // What never changes has a default, so that the lane can write the rest of a locked row by itself.
        table.string("phone_number", 32).notNullable().defaultTo("");
        table.bigInteger("requested_at").notNullable().defaultTo(0);
        table.bigInteger("gives_up_at").notNullable().defaultTo(0);
        // waiting, acknowledged, received or failed.
        table.string("state", 12).notNullable();
        // Null until the provider is asked for the first time.
        table.string("callback_url", 2_000);
        // By S256; no two requests have the same.
        table.string("challenge", 43).unique();
        // An HMAC of the code.
        table.specificType("code_key", "varbinary(32)");
        table.bigInteger("attempts").notNullable();
        table.bigInteger("due_at").notNullable();
        table.string("lease", 36).notNullable();
        table.bigInteger("settled_at").index();
        table.index(["state", "due_at"]);
        table.index(["state", "gives_up_at"]);
      }),
  },
];
