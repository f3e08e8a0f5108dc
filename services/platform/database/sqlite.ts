import { resolve } from "node:path";
import knex, { type Knex } from "knex";
import type { Database, Session, Statement, Transaction } from "./database.ts";
import { retryTransaction, retryWrite } from "./retry.ts";
import { createSequences, firstTaken, takeNumbers } from "./sequences.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { NodeSqliteClient } from "./sqlite-dialect.ts";
import { SqliteReader } from "./sqlite-reader.ts";

/** A connection to a file, in a pool that has it for one user at a time. */
function openPool(filename: string, readonly: boolean): Knex {
  return knex({
    client: NodeSqliteClient,
    connection: { filename, options: { readonly } },
    useNullAsDefault: true,
    compileSqlOnError: false,
    pool: { min: 1, max: 1 },
  });
}

/** By file, what this process writes over: of two, one would wait for the other, and with it the thread that both need. */
const writers = new Map<string, { readonly pool: Knex; users: number }>();

function openWriter(filename: string): Pick<Database, "close"> & { readonly writer: Knex } {
  const path = resolve(filename);
  const shared = writers.get(path) ?? { pool: openPool(path, false), users: 0 };
  writers.set(path, shared);
  shared.users++;
  const { client } = shared.pool;
  const close = async () => {
    if (--shared.users === 0) {
      writers.delete(path);
      return shared.pool.destroy();
    }
    // What was begun before has its turn before.
    await client.releaseConnection(await client.acquireConnection());
  };
  return { writer: shared.pool, close };
}

/**
 * Opens a SQLite file. All writes of this process go over one connection, one transaction after the other; reads have
 * connections of their own and never wait.
 */
export function openSqlite(filename: string): Database {
  new SqliteConnection(filename, "write").close();
  const read = openPool(filename, true);
  const reader = new SqliteReader(filename);
  // In a file of their own, so that they can be taken while a transaction is open.
  const sequences = new SqliteConnection(`${filename}-sequences`, "write");
  sequences.run(createSequences);
  const { writer, close: closeWriter } = openWriter(filename);

  const exclusively = async <T>(work: (connection: SqliteConnection) => Promise<T>): Promise<T> => {
    const connection: SqliteConnection = await writer.client.acquireConnection();
    try {
      connection.run({ sql: "BEGIN IMMEDIATE", values: [] });
      try {
        const result = await work(connection);
        connection.run({ sql: "COMMIT", values: [] });
        return result;
      } catch (error) {
        connection.rollBack();
        throw error;
      }
    } finally {
      await writer.client.releaseConnection(connection);
    }
  };

  const commit = (statements: readonly Statement[]) =>
    exclusively(async (connection) => {
      for (const statement of statements) connection.run(statement);
    });

  return {
    dialect: "sqlite",
    forUpdate: "",
    forUpdateAtOnce: "",
    commitsAside: false,
    read,
    select: (statement) => reader.select(statement),
    transaction: (work) =>
      retryTransaction(work, (run) =>
        writer.transaction(async (trx) => {
          const connection: SqliteConnection = await trx.client.acquireConnection();
          return run(Object.assign(sessionOn(connection), { knex: trx }) satisfies Transaction);
        }),
      ),
    batch: (load, decide) =>
      exclusively(async (connection) => {
        const rows = load.map((statement) => connection.run(statement));
        const { save, result } = await decide(rows, sessionOn(connection));
        for (const statement of save) connection.run(statement);
        return result;
      }),
    commit,
    write: (statements) => retryWrite(() => commit(statements)),
    snapshot: async (work) => {
      const connection = new SqliteConnection(filename, "read");
      try {
        connection.run({ sql: "BEGIN", values: [] });
        return await work(sessionOn(connection));
      } finally {
        connection.close();
      }
    },
    takeNumbers: async (sequence, count) => {
      sequences.run({ sql: "BEGIN IMMEDIATE", values: [] });
      try {
        const results = takeNumbers("sqlite", sequence, count).map((statement) => sequences.run(statement));
        sequences.run({ sql: "COMMIT", values: [] });
        return firstTaken(results, count);
      } catch (error) {
        sequences.rollBack();
        throw error;
      }
    },
    close: async () => {
      await Promise.all([closeWriter(), read.destroy()]);
      reader.close();
      sequences.close();
    },
  };
}

function sessionOn(connection: SqliteConnection): Session {
  return {
    run: async (statements: readonly Statement[]) => statements.map((statement) => connection.run(statement)),
  };
}
