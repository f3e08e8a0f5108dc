import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-catalog",
    up: async (knex) => {
      await createTable(knex, "vendors", (table) => {
        table.bigInteger("id").primary();
        table.string("name", 200).notNullable();
        table.bigInteger("created_at").notNullable();
        table.bigInteger("updated_at").notNullable();
      });
      await createTable(knex, "products", (table) => {
        table.bigInteger("id").primary();
        table.bigInteger("vendor_id").notNullable();
        table.string("name", 200).notNullable();
        table.bigInteger("price").notNullable();
        table.specificType("currency", "char(3)").notNullable();
        table.bigInteger("active").notNullable();
        table.bigInteger("created_at").notNullable();
        table.bigInteger("updated_at").notNullable();
        table.index(["active"]);
        table.index(["vendor_id", "active"]);
        table.check("price > 0", undefined, "price_is_above_zero");
      });
      // Apart from the products: these rows are what everybody who buys waits for.
      await createTable(knex, "stock", (table) => {
        table.bigInteger("product_id").primary();
        table.bigInteger("free").notNullable();
        table.bigInteger("held").notNullable();
        table.bigInteger("sold").notNullable();
        table.check("free >= 0", undefined, "free_is_never_below_zero");
        table.check("held >= 0", undefined, "held_is_never_below_zero");
        table.check("sold >= 0", undefined, "sold_is_never_below_zero");
      });
      await createTable(knex, "offers", (table) => {
        table.bigInteger("id").primary();
        table.bigInteger("product_id").notNullable();
        table.string("name", 200).notNullable();
        table.bigInteger("price").notNullable();
        table.bigInteger("starts_at").notNullable();
        // NULL: for good.
        table.bigInteger("ends_at");
        table.index(["product_id", "ends_at"]);
        table.check("price > 0", undefined, "offer_price_is_above_zero");
      });
      await createTable(knex, "holds", (table) => {
        table.string("id", 64).primary();
        table.string("status", 10).notNullable();
        // When something is to become of it: what is held expires, what has ended is forgotten. NULL: never.
        table.bigInteger("due_at");
        // JSON: what is held, and what it costs; the answer to give again.
        table.specificType("held_lines", "mediumtext").notNullable();
        table.bigInteger("created_at").notNullable();
        table.index(["status", "due_at"]);
      });
      await createTable(knex, "product_sales", (table) => {
        // Days since 1970, UTC.
        table.bigInteger("day").notNullable();
        table.bigInteger("product_id").notNullable();
        // Below zero where an order's end is known before its beginning.
        table.bigInteger("units").notNullable();
        table.primary(["day", "product_id"]);
      });
    },
  },
];
