import { createTable } from "../../../platform/database/migrate.ts";
import type { Migration } from "../../../platform/service.ts";

export const backgroundMigrations: readonly Migration[] = [
  {
    name: "002-backgrounds",
    up: async (knex) => {
      await createTable(knex, "backgrounds", (table) => {
        table.bigInteger("id").primary();
        table.string("name", 200).notNullable();
        table.string("description", 1_000);
        // The name and the description as they are searched.
        table.text("search_text").notNullable();
        table.bigInteger("active").notNullable();
        table.string("picture", 32).notNullable();
        table.bigInteger("created_at").notNullable();
        table.bigInteger("updated_at").notNullable();
        table.index(["active", "id"]);
      });
      // Every picture that there are files of, or may be: known here before the first of them is, and until the last is
      // gone.
      await createTable(knex, "pictures", (table) => {
        table.string("id", 32).primary();
        // NULL: a background has it.
        table.bigInteger("remove_after").index();
      });
    },
  },
];
