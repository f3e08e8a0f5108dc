import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";
import { dataPlatformMigration } from "../data-platform/migration.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-orders",
    up: async (knex) => {
      await createTable(knex, "orders", (table) => {
        table.bigInteger("id").primary();
        table.string("request_id", 64).unique();
        table.bigInteger("user_id").notNullable();
        table.string("state", 20).notNullable();
        // Null: paid from the balance.
        table.bigInteger("gift_card_id");
        table.bigInteger("gift_card_amount");
        table.bigInteger("coupon_id");
        // Empty while it is being placed.
        table.string("currency", 3).notNullable();
        table.bigInteger("discount").notNullable();
        table.bigInteger("total").notNullable();
        table.bigInteger("created_at").notNullable();
        table.bigInteger("expires_at").notNullable();
        table.bigInteger("paid_at");
        table.bigInteger("balance_after");
        table.bigInteger("cancelled_at");
        table.bigInteger("attempt").notNullable();
        table.bigInteger("due_at").index();
        table.index(["user_id", "id"]);
        table.check("discount >= 0 AND total >= 0", undefined, "order_amounts_are_not_below_zero");
      });
      await createTable(knex, "order_items", (table) => {
        table.bigInteger("order_id").notNullable();
        table.bigInteger("position").notNullable();
        table.bigInteger("product_id").notNullable();
        table.bigInteger("vendor_id").notNullable();
        table.string("name", 200).notNullable();
        table.bigInteger("quantity").notNullable();
        table.bigInteger("unit_price").notNullable();
        table.bigInteger("offer_id");
        table.bigInteger("discount").notNullable();
        table.bigInteger("completed_at");
        table.primary(["order_id", "position"]);
        table.index(["vendor_id", "order_id"]);
      });
      // A row to be locked: of two who change a cart at once, one comes second.
      await createTable(knex, "carts", (table) => {
        table.bigInteger("user_id").primary();
      });
      await createTable(knex, "cart_items", (table) => {
        table.bigInteger("user_id").notNullable();
        table.bigInteger("product_id").notNullable();
        table.bigInteger("quantity").notNullable();
        table.bigInteger("added_at").notNullable();
        table.primary(["user_id", "product_id"]);
      });
    },
  },
  dataPlatformMigration,
  {
    name: "003-failed-orders-are-due",
    up: async (knex) => {
      // Those that were never placed are forgotten a day after they were begun.
      await knex("orders")
        .where({ state: "failed", gift_card_id: null, due_at: null })
        .update({ due_at: knex.raw("created_at + 86400000000") });
    },
  },
];
