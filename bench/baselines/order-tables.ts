import type { Knex } from "knex";
import { createLedgerTables } from "./ledger-tables.ts";

/** The tables of a plain shop: stock beside the product, orders that hold it, wallets with a double-entry ledger. */
export async function createShopTables(knex: Knex): Promise<void> {
  await knex.schema.createTable("vendors", (table) => {
    table.bigIncrements("id");
    table.string("name", 200).notNullable();
  });
  await knex.schema.createTable("products", (table) => {
    table.bigIncrements("id");
    table.bigInteger("vendor_id").notNullable();
    table.string("name", 200).notNullable();
    table.bigInteger("price").notNullable();
    table.string("currency", 3).notNullable();
    table.boolean("active").notNullable();
    // Units that can be ordered, that unpaid orders hold, and that were sold.
    table.bigInteger("free").unsigned().notNullable();
    table.bigInteger("held").unsigned().notNullable();
    table.bigInteger("sold").unsigned().notNullable();
  });
  await knex.schema.createTable("offers", (table) => {
    table.bigIncrements("id");
    table.bigInteger("product_id").notNullable().index();
    table.bigInteger("price").notNullable();
    table.bigInteger("starts_at").notNullable();
    table.bigInteger("ends_at");
  });
  await knex.schema.createTable("cart_items", (table) => {
    table.bigInteger("user_id").notNullable();
    table.bigInteger("product_id").notNullable();
    table.bigInteger("quantity").notNullable();
    table.primary(["user_id", "product_id"]);
  });
  await knex.schema.createTable("orders", (table) => {
    table.bigIncrements("id");
    table.bigInteger("user_id").notNullable();
    table.string("status", 20).notNullable();
    table.string("currency", 3).notNullable();
    table.bigInteger("total").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.bigInteger("paid_at");
    table.bigInteger("balance_after");
    table.index(["user_id", "id"]);
    table.index(["status", "expires_at"]);
  });
  await knex.schema.createTable("order_items", (table) => {
    table.bigInteger("order_id").notNullable();
    table.bigInteger("position").notNullable();
    table.bigInteger("product_id").notNullable();
    table.bigInteger("vendor_id").notNullable();
    table.string("name", 200).notNullable();
    table.bigInteger("quantity").notNullable();
    table.bigInteger("unit_price").notNullable();
    table.bigInteger("offer_id");
    table.primary(["order_id", "position"]);
    table.index(["vendor_id", "order_id"]);
  });
  await createLedgerTables(knex);
}
