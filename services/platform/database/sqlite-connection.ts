import { DatabaseSync } from "node:sqlite";
import type { Row, Statement } from "./database.ts";
import { SqliteStatement } from "./sqlite-statement.ts";

const mostStatements = 500;

/**
 * How much of the file a connection keeps in memory, in KiB: whoever writes goes back to the same pages. A process of all
 * services has a file for each, and one beside it for its sequences, with several connections, which fill in the end.
 */
const cacheKiB = { read: 2_048, write: 8_192 } as const;

/**
 * How many pages (of 4 KiB) the log has before they are brought into the file, which whoever commits waits for: most have
 * changed many times by then, and are written once. Of many cards that are redeemed, a fifth more a second than with 1,000.
 */
const pagesInLog = 8_000;

/** One connection to a SQLite file, with its statements prepared once. Every integer is read as a bigint. */
export class SqliteConnection {
  private readonly file: DatabaseSync;
  private readonly statements = new Map<string, SqliteStatement>();

  constructor(path: string, access: "read" | "write") {
    this.file = new DatabaseSync(path, { readOnly: access === "read", timeout: 5_000, readBigInts: true });
    if (access === "write") {
      // A commit is on the disk before it is answered.
      this.file.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      this.file.exec(`PRAGMA wal_autocheckpoint = ${pagesInLog}`);
    }
    this.file.exec(`PRAGMA cache_size = -${cacheKiB[access]}; PRAGMA temp_store = MEMORY`);
  }

  prepare(sql: string): SqliteStatement {
    const known = this.statements.get(sql);
    if (known) return known;
    const statement = new SqliteStatement(this.file.prepare(sql));
    if (this.statements.size >= mostStatements) {
      const oldest = this.statements.keys().next();
      if (!oldest.done) this.statements.delete(oldest.value);
    }
    this.statements.set(sql, statement);
    return statement;
  }

  run({ sql, values }: Statement): Row[] {
    return this.prepare(sql).all(values);
  }

  /** Undoes the open transaction; after some failures (a full disk) SQLite has done so by itself, and would refuse to. */
  rollBack(): void {
    if (this.file.isTransaction) this.run({ sql: "ROLLBACK", values: [] });
  }

  close(): void {
    this.statements.clear();
    this.file.close();
  }
}
