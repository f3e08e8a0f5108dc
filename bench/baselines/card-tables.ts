import type { Knex } from "knex";
import { createLedgerTables } from "./ledger-tables.ts";

/** The tables of plain gift cards: with what finds and lists them, what counts them, and the ledger they are paid from. */
export async function createCardTables(knex: Knex): Promise<void> {
  await knex.schema.createTable("users", (table) => {
    table.bigIncrements("id");
    table.string("name", 200).notNullable();
    table.string("verified_email", 254).unique();
    table.string("verified_phone", 16).unique();
  });
  await knex.schema.createTable("cards", (table) => {
    table.bigIncrements("id");
    table.string("gift_type", 10).notNullable();
    table.string("currency", 3).notNullable();
    table.bigInteger("amount").notNullable();
    table.specificType("search_key", "varbinary(32)").notNullable().unique();
    table.specificType("sealed_code", "varbinary(64)").notNullable();
    table.string("code_last4", 4).notNullable();
    table.bigInteger("sender_id").notNullable();
    table.string("sender_name", 200).notNullable();
    table.string("recipient_name", 100);
    table.string("recipient_email", 254);
    table.string("recipient_number", 32);
    table.text("message");
    table.string("status", 20).notNullable();
    table.string("method", 10).notNullable();
    table.bigInteger("redeemed_by");
    table.bigInteger("redeemed_at");
    table.bigInteger("transaction_id");
    table.bigInteger("expires_at").index();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("updated_at").notNullable();
    table.index(["sender_id", "id"]);
    table.index(["recipient_email", "id"]);
    table.index(["recipient_number", "id"]);
    table.index(["status", "id"]);
  });
  await knex.schema.createTable("card_statistics", (table) => {
    table.string("currency", 3).notNullable();
    table.string("gift_type", 10).notNullable();
    table.string("status", 20).notNullable();
    table.bigInteger("count").notNullable();
    table.bigInteger("amount").notNullable();
    table.primary(["currency", "gift_type", "status"]);
  });
  await knex.schema.createTable("card_months", (table) => {
    table.string("currency", 3).notNullable();
    table.integer("month").notNullable();
    table.bigInteger("redeemed_count").notNullable();
    table.bigInteger("redeemed_amount").notNullable();
    table.primary(["currency", "month"]);
  });
  await createLedgerTables(knex);
}
