import { createRequire } from "node:module";
import type { Knex } from "knex";
import { SqliteConnection } from "./sqlite-connection.ts";

interface Query {
  sql: string;
  bindings?: readonly unknown[];
  response?: unknown;
  context?: unknown;
}

const BetterSqlite3Client: typeof Knex.Client = createRequire(import.meta.url)("knex/lib/dialects/better-sqlite3");

/** knex on Node's own SQLite, in place of the better-sqlite3 package. */
export class NodeSqliteClient extends BetterSqlite3Client {
  _driver(): typeof SqliteConnection {
    return SqliteConnection;
  }

  override async acquireRawConnection(): Promise<SqliteConnection> {
    const { filename, options } = this.connectionSettings as Knex.BetterSqlite3ConnectionConfig;
    return new SqliteConnection(filename, options?.readonly ? "read" : "write");
  }

  override async destroyRawConnection(connection: SqliteConnection): Promise<void> {
    connection.close();
  }

  async _query(connection: SqliteConnection, query: Query): Promise<Query> {
    if (query.sql === "ROLLBACK") {
      connection.rollBack();
      return query;
    }
    // A transaction that reads first and writes then would otherwise fail where another process has written between.
    const statement = connection.prepare(query.sql === "BEGIN;" ? "BEGIN IMMEDIATE" : query.sql);
    const bindings = (query.bindings ?? []).map((value) => (typeof value === "boolean" ? Number(value) : value));
    if (statement.hasRows) {
      query.response = statement.all(bindings);
      return query;
    }
    const { changes, lastInsertRowid } = statement.run(bindings);
    query.response = { changes: Number(changes), lastInsertRowid };
    query.context = { changes: Number(changes), lastID: lastInsertRowid };
    return query;
  }
}
