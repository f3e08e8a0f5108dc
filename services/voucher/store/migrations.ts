import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-coupons",
    up: async (knex) => {
      await createTable(knex, "coupons", (table) => {
        table.bigInteger("id").primary();
        table.string("name", 200).notNullable();
        table.string("discount_type", 20).notNullable();
        // Percent in hundredths (12.5 % is 1250), or minor units.
        table.bigInteger("discount_value").notNullable();
        table.specificType("currency", "char(3)").notNullable();
        table.bigInteger("min_order_amount");
        table.bigInteger("max_discount");
        table.bigInteger("total_quantity").notNullable();
        table.bigInteger("issued_quantity").notNullable();
        table.bigInteger("used_quantity").notNullable();
        table.bigInteger("per_user_limit").notNullable();
        table.bigInteger("starts_at").notNullable();
        table.bigInteger("ends_at");
        table.bigInteger("created_at").notNullable();
        table.bigInteger("updated_at").notNullable();
        table.index(["created_at", "id"]);
        table.check("issued_quantity between 0 and total_quantity", undefined, "no_more_are_issued_than_there_are");
        table.check("used_quantity between 0 and issued_quantity", undefined, "no_more_are_used_than_issued");
      });
      // A member's coupons lie together, in the order of their list.
      await createTable(knex, "member_coupons", (table) => {
        table.bigInteger("user_id").notNullable();
        table.bigInteger("issued_at").notNullable();
        table.bigInteger("id").notNullable();
        table.bigInteger("coupon_id").notNullable();
        table.bigInteger("ordinal").notNullable();
        table.string("status", 20).notNullable();
        table.string("use_id", 64);
        table.bigInteger("order_id");
        table.bigInteger("used_at");
        table.primary(["user_id", "issued_at", "id"]);
        // The database itself keeps two claims at once from both being a member's first.
        table.unique(["coupon_id", "user_id", "ordinal"]);
      });
      await createTable(knex, "coupon_uses", (table) => {
        table.string("id", 64).primary();
        table.string("status", 20).notNullable();
        // Empty once returned, so that the key holds that no coupon is on two live uses.
        table.bigInteger("member_coupon_id").unique();
        // 0 where the id was returned before it was ever a use.
        table.bigInteger("coupon_id").notNullable();
        table.bigInteger("user_id").notNullable();
        table.bigInteger("order_id").notNullable();
        table.bigInteger("order_amount").notNullable();
        table.string("currency", 3).notNullable();
        table.bigInteger("discount").notNullable();
        table.bigInteger("created_at").notNullable();
        table.bigInteger("returned_at").index();
      });
    },
  },
  {
    name: "003-last-issued",
    up: async (knex) => {
      if (await knex.schema.hasColumn("coupons", "last_issued_id")) return;
      await knex.schema.alterTable("coupons", (table) => {
        // By it, claims that are decided before those ahead of them are committed see that those have been.
        table.bigInteger("last_issued_id").notNullable().defaultTo(0);
      });
    },
  },
];
