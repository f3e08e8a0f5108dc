import type { Knex } from "knex";

/** What a column can hold. Every integer is a bigint, on every engine; instants are microseconds since 1970. */
export type Value = string | bigint | Uint8Array | null;

export type Row = Readonly<Record<string, Value>>;

/** One SQL statement with `?` for its values. The same text runs on every engine. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

export interface WriteOptions {
  /** Whether a statement may take minutes, as one that goes through a whole table. */
  readonly isLong?: boolean;
}

/** An open transaction, or a part of one. */
export interface Session {
  /** Runs statements in order, in one round trip; answers the rows of each, none for those that write. */
  run(statements: readonly Statement[]): Promise<Row[][]>;

  /**
   * Set once the work has inserted a row that another run of the same request may insert too: a receipt. Where the answer of
   * a commit was lost, a duplicate key is thrown then, and not taken for this run's own success: whoever called looks up what
   * is there.
   */
  isSettled?: boolean;
}

/** An open transaction to build queries in. */
export interface Transaction extends Session {
  readonly knex: Knex.Transaction;
}

/** What a batch decided: the statements to write, and its answer once they are committed. */
export interface Decision<T> {
  readonly save: readonly Statement[];
  readonly result: T;
}

/** One service's database. What it has committed is durable before it says so. */
export interface Database {
  readonly dialect: "mysql" | "sqlite";

  /** ` FOR UPDATE` where the engine has row locks; empty where there is but one writer. */
  readonly forUpdate: string;

  /** The same, but fails where somebody else has a row locked, and does not wait for it. */
  readonly forUpdateAtOnce: string;

  /** Whether this thread is free while a transaction commits. */
  readonly commitsAside: boolean;

  /** For lists and other reads outside a transaction; sees what is committed. Never for writes. */
  readonly read: Knex;

  /** Reads on the shortest way, for what is asked thousands of times a second; sees what is committed. */
  select(statement: Statement): Promise<Row[]>;

  /**
   * Runs work in a transaction (READ COMMITTED), and commits. Work is run again after a deadlock or a lost connection, up
   * to five times, so it may do nothing that the database does not undo. Where the answer of a commit was lost, what
   * inserts a row whose id was made before is done once all the same; anything else must see by itself that it is done.
   * A statement that is not answered for 40 s fails, as if the connection were lost, unless they are long.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: WriteOptions): Promise<T>;

  /**
   * A transaction in two round trips: begin and load, then save and commit. Not run again on failure: that is for whoever
   * calls, and knows what may have become of it. Rows that were loaded with `forUpdate` stay as they are until the commit.
   */
  batch<T>(load: readonly Statement[], decide: (rows: Row[][], session: Session) => Promise<Decision<T>>): Promise<T>;

  /** Runs statements in a transaction, in one round trip: all of them, or none. Not run again on failure. */
  commit(statements: readonly Statement[]): Promise<void>;

  /** The same, and run again after a deadlock, up to five times. */
  write(statements: readonly Statement[], options?: WriteOptions): Promise<void>;

  /** Runs work on one unchanging view of the whole database, however long it takes, while others write. */
  snapshot<T>(work: (session: Session) => Promise<T>): Promise<T>;

  /** Takes the next numbers of a sequence, so many, and answers the first. Never waits for an open transaction. */
  takeNumbers(sequence: string, count: bigint): Promise<bigint>;

  close(): Promise<void>;
}
