import { createTable } from "../../platform/database/migrate.ts";
import type { Migration } from "../../platform/service.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-users",
    up: async (knex) => {
      await createTable(knex, "users", (table) => {
        table.bigInteger("id").primary();
        // In lower case.
        table.string("username", 64).notNullable().unique();
        table.string("password_hash", 200).notNullable();
        table.string("name", 100);
        table.string("email", 254);
        table.string("phone_number", 16);
        table.string("role", 20).notNullable();
        table.bigInteger("vendor_id");
        // What the user has shown to read: nobody else can then. The email in lower case.
        table.string("verified_email", 254).unique();
        table.string("verified_phone", 16).unique();
        table.bigInteger("created_at").notNullable();
      });
    },
  },
  {
    name: "002-sessions",
    up: async (knex) => {
      await createTable(knex, "sessions", (table) => {
        table.bigInteger("id").primary();
        table.bigInteger("user_id").notNullable();
        table.bigInteger("created_at").notNullable();
        table.bigInteger("refreshed_at").notNullable().index();
        table.bigInteger("ended_at").index();
      });
      await createTable(knex, "refresh_tokens", (table) => {
        table.specificType("hash", "varbinary(32)").primary();
        table.bigInteger("session_id").notNullable();
        table.bigInteger("issued_at").notNullable().index();
        table.bigInteger("used_at");
      });
      await createTable(knex, "login_failures", (table) => {
        // A hash, since people type their passwords where the user name belongs.
        table.specificType("id", "varbinary(32)").primary();
        table.bigInteger("failures").notNullable();
        table.bigInteger("last_failed_at").notNullable().index();
      });
    },
  },
  {
    name: "003-verification-codes",
    up: (knex) =>
      createTable(knex, "verification_codes", (table) => {
        table.bigInteger("user_id").notNullable();
        table.string("channel", 10).notNullable();
        table.specificType("hash", "varbinary(32)").notNullable();
        table.bigInteger("tries").notNullable();
        table.bigInteger("sent_at").notNullable().index();
        table.primary(["user_id", "channel"]);
      }),
  },
  {
    name: "004-signing-keys",
    up: (knex) =>
      createTable(knex, "signing_keys", (table) => {
        // From 1, without gaps: of replicas that add a key at once, one is refused. The last one signs.
        table.bigInteger("number").primary();
        table.string("key_id", 100).notNullable().unique();
        table.text("private_jwk").notNullable();
        table.bigInteger("created_at").notNullable();
      }),
  },
  {
    name: "005-contacts-sent-to",
    up: (knex) =>
      createTable(knex, "contacts_sent_to", (table) => {
        // A hash of the channel and the address.
        table.specificType("id", "varbinary(32)").primary();
        table.bigInteger("sent_at").notNullable().index();
      }),
  },
  {
    name: "006-known-networks",
    up: (knex) =>
      createTable(knex, "known_networks", (table) => {
        // A hash of a user name and a network.
        table.specificType("id", "varbinary(32)").primary();
        table.bigInteger("signed_in_at").notNullable().index();
      }),
  },
];
