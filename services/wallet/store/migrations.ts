import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-ledger",
    up: async (knex) => {
      await createTable(knex, "accounts", (table) => {
        table.bigInteger("id").primary();
        // 0 for the house's own.
        table.bigInteger("user_id").notNullable();
        table.string("kind", 20).notNullable();
        table.specificType("currency", "char(3)").notNullable();
        // 0 in the house's own accounts, which keep no running balance: every transfer would wait for that one row.
        table.bigInteger("balance").notNullable();
        table.bigInteger("sequence").notNullable();
        table.bigInteger("last_entry_at").notNullable();
        table.bigInteger("created_at").notNullable();
        table.unique(["user_id", "kind", "currency"]);
        table.check("balance >= 0", undefined, "balance_is_never_below_zero");
      });
      await createTable(knex, "transfers", (table) => {
        table.bigInteger("number").primary();
        table.string("id", 64).notNullable().unique();
        table.bigInteger("debit_account_id").notNullable();
        table.bigInteger("credit_account_id").notNullable();
        table.bigInteger("amount").notNullable();
        table.specificType("currency", "char(3)").notNullable();
        table.string("type", 20).notNullable();
        table.string("reference", 100).notNullable();
        table.bigInteger("created_at").notNullable();
        // Where its entries stand in the accounts, and a wallet's balance right after.
        table.bigInteger("debit_sequence").notNullable();
        table.bigInteger("debit_balance_after");
        table.bigInteger("credit_sequence").notNullable();
        table.bigInteger("credit_balance_after");
        table.index(["created_at"]);
        // A void takes the id of a transfer that never will be: it moves nothing, on no account, and has no entries.
        table.check(
          "(type <> 'void' AND amount > 0) OR (type = 'void' AND amount = 0)",
          undefined,
          "amount_is_above_zero_unless_void",
        );
      });
      // No other index: what is asked by time is found by halving, since a wallet's log never goes back in time.
      await createTable(knex, "entries", (table) => {
        table.bigInteger("account_id").notNullable();
        table.bigInteger("sequence").notNullable();
        table.bigInteger("transfer_number").notNullable();
        table.bigInteger("amount").notNullable();
        table.bigInteger("balance_after");
        table.string("type", 20).notNullable();
        table.bigInteger("created_at").notNullable();
        table.primary(["account_id", "sequence"]);
      });
      await createTable(knex, "system_balances", (table) => {
        table.bigInteger("account_id").notNullable();
        table.bigInteger("as_of").notNullable();
        // Minor units as text: it may be greater than a BIGINT can be, and SQLite has no decimals.
        table.string("balance", 40).notNullable();
        table.primary(["account_id", "as_of"]);
      });
    },
  },
  {
    name: "002-charges",
    up: (knex) =>
      createTable(knex, "charges", (table) => {
        // The transfer's too.
        table.string("id", 64).primary();
        table.bigInteger("user_id").notNullable();
        table.bigInteger("amount").notNullable();
        table.specificType("currency", "char(3)").notNullable();
        table.string("state", 10).notNullable();
        table.bigInteger("asked_at").notNullable();
        table.index(["state", "asked_at"]);
      }),
  },
  {
    name: "003-charges-renewals",
    up: async (knex) => {
      if (await knex.schema.hasColumn("charges", "renewals")) return;
      // How often what asked for it has come again after its day, each time for a charge of its own.
      await knex.schema.alterTable("charges", (table) => table.bigInteger("renewals").notNullable().defaultTo(0));
    },
  },
];
