import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-cards",
    up: async (knex) => {
      await createTable(knex, "cards", (table) => {
        table.bigInteger("id").primary();
        // What never changes.
        table.bigInteger("batch_id");
        table.string("gift_type", 10).notNullable().defaultTo("");
        table.string("currency", 3).notNullable().defaultTo("");
        table.bigInteger("vendor_id");
        table.bigInteger("product_id");
        table.bigInteger("offer_id");
        table.bigInteger("price");
        // Null: the house's promotions.
        table.bigInteger("payer_id");
        table.specificType("search_key", "varbinary(32)").unique();
        table.string("search_key_id", 16).notNullable().defaultTo("");
        table.specificType("sealed_code", "varbinary(64)");
        table.string("seal_key_id", 16).notNullable().defaultTo("");
        table.string("code_last4", 4).notNullable().defaultTo("");
        table.bigInteger("created_at").notNullable().defaultTo(0);
        table.bigInteger("made_month").notNullable().defaultTo(0);
        // What admins can change.
        table.bigInteger("sender_id").notNullable().defaultTo(0);
        table.string("sender_name", 200).notNullable().defaultTo("");
        table.string("recipient_name", 100);
        table.string("recipient_email", 254);
        table.string("recipient_number", 32);
        table.string("background_color", 7);
        table.bigInteger("background_image_id").index();
        table.text("message");
        table.text("notes");
        // What changes with every step.
        table.string("request_id", 64).unique();
        table.string("state", 20).notNullable();
        // Null where clients do not see it.
        table.bigInteger("facet");
        // The same, but null too where there is no such list for it to be in: an index has every row, and is written to with
        // every change of one of its columns.
        table.bigInteger("email_facet");
        table.bigInteger("number_facet");
        table.bigInteger("vendor_facet");
        table.bigInteger("amount").notNullable();
        table.bigInteger("expires_at");
        table.bigInteger("updated_at").notNullable();
        table.string("method", 10).notNullable();
        table.bigInteger("redeemed_by");
        table.bigInteger("redeemed_at");
        table.bigInteger("redeemed_month");
        table.string("redeem_request_id", 64);
        table.bigInteger("transaction_id");
        table.bigInteger("transaction_amount");
        table.bigInteger("transaction_at");
        table.bigInteger("order_id");
        table.bigInteger("order_placed_at");
        table.bigInteger("attempt").notNullable();
        table.bigInteger("cancel_attempt").notNullable().defaultTo(0);
        table.string("returning_to", 20);
        table.bigInteger("new_amount");
        table.bigInteger("due_at").index();
        // Every filter of every list is some of these facets, each newest first.
        table.index(["facet", "id"]);
        table.index(["sender_id", "facet", "id"]);
        table.index(["recipient_email", "email_facet", "id"]);
        table.index(["recipient_number", "number_facet", "id"]);
        table.index(["vendor_id", "vendor_facet", "id"]);
        table.index(["batch_id", "id"]);
        table.index(["seal_key_id", "id"]);
        table.check("amount > 0", undefined, "a_card_is_worth_something");
      });
      await createTable(knex, "card_counters", (table) => {
        table.string("kind", 10).notNullable();
        table.bigInteger("vendor_id").notNullable();
        table.string("currency", 3).notNullable();
        table.bigInteger("part").notNullable();
        // Each process adds to a row of its own, so that none waits for another; they are summed up when read.
        table.bigInteger("shard").notNullable();
        table.bigInteger("count").notNullable();
        // The amount is upper * 2^32 + lower: no number of cards is too many.
        table.bigInteger("upper_amount").notNullable();
        table.bigInteger("lower_amount").notNullable();
        table.primary(["kind", "vendor_id", "currency", "part", "shard"]);
      });
    },
  },
];
