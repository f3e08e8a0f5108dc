import { createTable } from "../../../platform/database/migrate.ts";
import type { Migration } from "../../../platform/service.ts";

export const voucherRequestsMigration: Migration = {
  name: "002-voucher-requests",
  up: (knex) =>
    createTable(knex, "voucher_requests", (table) => {
      table.bigInteger("id").primary();
      table.string("phone_number", 16).notNullable();
      table.specificType("token_hash", "varbinary(32)").notNullable();
      table.bigInteger("requested_at").notNullable();
      table.bigInteger("late_at").notNullable();
      table.bigInteger("give_up_at").notNullable();
      table.string("state", 10).notNullable();
      table.string("failure", 10);
      table.bigInteger("failed_at");
      // Null until there is a code.
      table.specificType("search_key", "varbinary(32)");
      table.string("search_key_id", 16);
      table.specificType("sealed_code", "blob");
      table.string("seal_key_id", 16);
      table.bigInteger("received_at");
      table.bigInteger("shown_at");
      table.bigInteger("attempts");
      table.bigInteger("sent_at");
      // When something becomes of it by itself, and when its SMS is to be sent.
      table.bigInteger("due_at").index();
      table.bigInteger("send_at").index();
      // A phone's codes lie together, in the order of their list.
      table.index(["phone_number", "received_at", "id"]);
      table.index(["seal_key_id", "id"]);
    }),
};
