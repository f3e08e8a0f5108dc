import type { Knex } from "knex";

/** Wallets with a plain double-entry ledger, and the outbox of what is told of it. */
export async function createLedgerTables(knex: Knex): Promise<void> {
  await knex.schema.createTable("accounts", (table) => {
    table.bigIncrements("id");
    // 0: the house's own.
    table.bigInteger("user_id").notNullable().unique();
    table.string("currency", 3).notNullable();
    table.bigInteger("balance").notNullable();
    table.bigInteger("sequence").notNullable();
  });
  await knex.schema.createTable("transfers", (table) => {
    table.bigIncrements("number");
    // The same id again is the same transfer.
    table.string("id", 64).notNullable().unique();
    table.bigInteger("debit_account_id").notNullable();
    table.bigInteger("credit_account_id").notNullable();
    table.bigInteger("amount").notNullable();
    table.string("type", 20).notNullable();
    table.string("reference", 64).notNullable();
    table.bigInteger("created_at").notNullable();
  });
  await knex.schema.createTable("entries", (table) => {
    table.bigInteger("account_id").notNullable();
    table.bigInteger("sequence").notNullable();
    table.bigInteger("transfer_number").notNullable();
    table.bigInteger("amount").notNullable();
    table.bigInteger("balance_after");
    table.primary(["account_id", "sequence"]);
  });
  await knex.schema.createTable("outbox", (table) => {
    table.bigIncrements("id");
    table.string("subject", 100).notNullable();
    table.json("payload").notNullable();
    table.bigInteger("sent_at").notNullable().index();
  });
}
