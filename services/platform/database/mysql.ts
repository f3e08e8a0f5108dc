import { connect, type Socket } from "node:net";
import knex, { type Knex } from "knex";
import type { Connection as DriverConnection, QueryError, TypeCastField, TypeCastNext } from "mysql2";
import type { Database, Row, Session, Statement, Transaction } from "./database.ts";
import { isReadOnly } from "./failures.ts";
import { retryTransaction, retryTransient, retryWrite } from "./retry.ts";
import { createSequences, firstTaken, takeNumbers } from "./sequences.ts";

/** A connection, and what it goes over. */
type Connection = DriverConnection & { readonly stream: Socket };

/** How long, in milliseconds, a connection may take until it is ready. */
const connectWithinMs = 5_000;

/** How long, in milliseconds, a connection is kept that nobody uses. */
const idleMs = 10_000;

/**
 * How long, in seconds, a server waits for us, in a transaction or not. It finds out by that that our machine or network is
 * gone, and lets go of what was locked; without a limit it would in hours.
 */
const waitsForUsSeconds = 20;

/** How long, in seconds, a row is waited for that somebody else has locked. */
const waitsForRowSeconds = 3;

/**
 * How long, in milliseconds, a server may say nothing. No lock is waited for so long, and no idle connection kept; without a
 * limit, one whose machine or network is gone holds up all that waits for it for a quarter of an hour.
 */
const answerWithinMs = 40_000;

const beginStatement: Statement = { sql: "START TRANSACTION", values: [] };
const commitStatement: Statement = { sql: "COMMIT", values: [] };

/**
 * Makes one block of the statements between. MariaDB answers it once, where it would answer each of them by itself, in a
 * packet that wakes this thread; for MySQL these are comments.
 */
const block = { start: "/*M!100101 BEGIN NOT ATOMIC */\n", end: "\n/*M!100101 ; END */" } as const;

/** MariaDB takes no statement with this into a block. */
const forUpdateAtOnce = " FOR UPDATE NOWAIT";

/** Settings that the SQL of giftmesh relies on, whatever the server's own. */
const sessionSettings =
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY', " +
  `innodb_lock_wait_timeout = ${waitsForRowSeconds}, wait_timeout = ${waitsForUsSeconds}, time_zone = '+00:00', ` +
  "group_concat_max_len = 1048576; " +
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/**
 * Opens a database of MySQL (8.4 or later) or MariaDB (10.11 or later), with up to so many connections. One on which the
 * server says nothing for so many milliseconds is given up, as if it were lost.
 */
export function openMysql(url: string, name: string, connections: number, answerMs = answerWithinMs): Database {
  const pool = openPool(url, { name, connections, answerMs });
  // Apart, so that they can be taken while every other connection has a transaction open.
  const sequences = openPool(url, { name, connections: 1, answerMs });
  const commit = (statements: readonly Statement[], isLong = false) =>
    onConnection(pool, (connection) =>
      rollingBack(connection, async () => {
        const run = () => commitTogether(connection, [beginStatement, ...statements]);
        await (isLong ? unhurried(connection, run) : run());
      }),
    );

  return {
    dialect: "mysql",
    forUpdate: " FOR UPDATE",
    forUpdateAtOnce,
    commitsAside: true,
    read: pool,
    select: (statement) =>
      retryTransient(() =>
        onConnection(pool, async (connection) => (await runTogether(connection, [statement]))[0] ?? []),
      ),
    transaction: (work, { isLong = false } = {}) =>
      retryTransaction(work, (run) =>
        pool.transaction(async (trx) => {
          const connection: Connection = await trx.client.acquireConnection();
          const transaction = Object.assign(sessionOn(connection), { knex: trx }) satisfies Transaction;
          const work = () => run(transaction);
          return leavingReadOnly(connection, () => (isLong ? unhurried(connection, work) : work()));
        }),
      ),
    batch: (load, decide) =>
      onConnection(pool, (connection) =>
        rollingBack(connection, async () => {
          const [, ...rows] = await runTogether(connection, [beginStatement, ...load]);
          const { save, result } = await decide(rows, sessionOn(connection));
          await commitTogether(connection, save);
          return result;
        }),
      ),
    commit: (statements) => commit(statements),
    write: (statements, { isLong = false } = {}) => retryWrite(() => commit(statements, isLong)),
    snapshot: (work) =>
      onConnection(pool, (connection) =>
        rollingBack(connection, async () => {
          await runTogether(connection, [
            { sql: "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", values: [] },
            { sql: "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", values: [] },
          ]);
          const result = await unhurried(connection, () => work(sessionOn(connection)));
          await runTogether(connection, [commitStatement]);
          return result;
        }),
      ),
    takeNumbers: (sequence, count) =>
      retryTransient(() =>
        onConnection(sequences, (connection) =>
          rollingBack(connection, async () => {
            const statements = takeNumbers("mysql", sequence, count);
            const [, ...results] = await runTogether(connection, [beginStatement, ...statements, commitStatement]);
            return firstTaken(results, count);
          }),
        ),
      ),
    close: async () => {
      await Promise.all([pool.destroy(), sequences.destroy()]);
    },
  };
}

async function onConnection<T>(pool: Knex, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection: Connection = await pool.client.acquireConnection();
  try {
    return await leavingReadOnly(connection, () => work(connection));
  } finally {
    await pool.client.releaseConnection(connection);
  }
}

/** A server that is to be another's replica keeps its connections; a new one may lead to the other. */
async function leavingReadOnly<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isReadOnly(error)) connection.destroy();
    throw error;
  }
}

/** Makes the database if it is not there. Throws the driver's error where the server does not answer or let us in. */
export async function createMysqlDatabase(url: string, name: string): Promise<void> {
  const server = openPool(url, { name: undefined, connections: 1, answerMs: answerWithinMs });
  try {
    // Names and codes are compared to the letter, on every engine.
    await server.raw(`CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
    await server.raw(`USE \`${name}\`; ${createSequences.sql}`);
  } finally {
    await server.destroy();
  }
}

interface PoolSettings {
  readonly name: string | undefined;
  readonly connections: number;
  readonly answerMs: number;
}

function openPool(url: string, { name, connections, answerMs }: PoolSettings): Knex {
  const { hostname, port, username, password } = new URL(url);
  const pool = knex({
    client: "mysql2",
    connection: {
      stream: () => openSocket(hostname.replace(/^\[|\]$/g, ""), Number(port || 3306)),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      ...(name === undefined ? {} : { database: name }),
      multipleStatements: true,
      // None is prepared; the driver lays out room for 16,000.
      maxPreparedStatements: 1,
      typeCast: readField,
    },
    pool: {
      min: 0,
      max: connections,
      idleTimeoutMillis: idleMs,
      afterCreate: (connection: Connection, done: (error: Error | null, connection: Connection) => void) => {
        // knex takes all listeners off a connection that it closes; one that is lost just then would end the process.
        connection.removeAllListeners = () => connection;
        connection.query(sessionSettings, (error) => {
          connection.stream.setTimeout(answerMs);
          done(error, connection);
        });
      },
    },
    acquireConnectionTimeout: 10_000,
    // The values of a failed query may be secrets.
    compileSqlOnError: false,
    // Whoever finds that the server does not answer is told so, and logs it.
    log: { warn: () => {} },
  });
  return pool.on("query-error", withoutValues);
}

/** A socket that is given up when nothing comes or goes for too long; the driver takes that for a lost connection. */
function openSocket(host: string, port: number): Socket {
  const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 });
  return socket.setTimeout(connectWithinMs, () => socket.destroy());
}

/** Lets the server take its time. */
async function unhurried<T>({ stream }: Connection, work: () => Promise<T>): Promise<T> {
  const usual = stream.timeout ?? 0;
  stream.setTimeout(0);
  try {
    return await work();
  } finally {
    stream.setTimeout(usual);
  }
}

/** Every integer is a bigint, sums of integers too, which the server tells as decimals. */
function readField(field: TypeCastField, next: TypeCastNext): unknown {
  switch (field.type) {
    case "TINY":
    case "SHORT":
    case "INT24":
    case "LONG":
    case "LONGLONG":
    case "NEWDECIMAL": {
      const text = field.string();
      return text === null || text.includes(".") ? text : BigInt(text);
    }
    default:
      return next();
  }
}

function sessionOn(connection: Connection): Session {
  return { run: (statements) => runTogether(connection, statements) };
}

/** Sends statements as one text: one round trip, however many they are. */
async function runTogether(connection: Connection, statements: readonly Statement[]): Promise<Row[][]> {
  if (statements.length === 0) return [];
  const result = await send(connection, textOf(statements), valuesOf(statements));
  return statements.length === 1 ? [rowsOf(result)] : (result as unknown[]).map(rowsOf);
}

/** The same for the last statements of a transaction, and commits it. */
async function commitTogether(connection: Connection, statements: readonly Statement[]): Promise<void> {
  const text = textOf([...statements, commitStatement]);
  const isBlock = !statements.some(({ sql }) => sql.endsWith(forUpdateAtOnce));
  await send(connection, isBlock ? `${block.start}${text}${block.end}` : text, valuesOf(statements));
}

function textOf(statements: readonly Statement[]): string {
  return statements.map(({ sql }) => sql).join(";\n");
}

function valuesOf(statements: readonly Statement[]): Parameter[] {
  return statements.flatMap(({ values }) => values.map(asParameter));
}

function send(connection: Connection, sql: string, values: Parameter[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, values }, (error: QueryError | null, result: unknown) => {
      if (error) reject(withoutValues(error));
      else resolve(result);
    });
  });
}

/** The driver puts the whole text into the error, and so into the log: its values may be secrets. */
function withoutValues(error: QueryError & { sql?: string }): QueryError {
  delete error.sql;
  return error;
}

type Parameter = string | bigint | Buffer | null;

function asParameter(value: Statement["values"][number]): Parameter {
  return value instanceof Uint8Array && !Buffer.isBuffer(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : value;
}

/** A statement that writes answers a header instead of rows. */
function rowsOf(result: unknown): Row[] {
  return Array.isArray(result) ? (result as Row[]) : [];
}

async function rollingBack<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // A connection that cannot roll back is dropped, and with it its transaction.
    await runTogether(connection, [{ sql: "ROLLBACK", values: [] }]).catch(() => connection.destroy());
    throw error;
  }
}
