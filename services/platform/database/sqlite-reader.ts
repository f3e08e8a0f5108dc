import type { Row, Statement } from "./database.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

interface Asked {
  readonly statement: Statement;
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads from a SQLite file. What is asked in one turn of the event loop is read together at its end, in one read
 * transaction: its locks are taken once, and those who asked go on, and answer their clients, side by side.
 */
export class SqliteReader {
  private readonly connection: SqliteConnection;
  private asked: Asked[] = [];

  constructor(filename: string) {
    this.connection = new SqliteConnection(filename, "read");
  }

  select(statement: Statement): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.asked.push({ statement, resolve, reject });
      if (this.asked.length === 1) setImmediate(() => this.read());
    });
  }

  close(): void {
    this.connection.close();
  }

  private read(): void {
    const asked = this.asked;
    this.asked = [];
    try {
      this.connection.run({ sql: "BEGIN", values: [] });
      for (const { statement, resolve, reject } of asked) {
        try {
          resolve(this.connection.run(statement));
        } catch (error) {
          reject(error);
        }
      }
      this.connection.run({ sql: "COMMIT", values: [] });
    } catch (error) {
      // Those that have been answered stay so.
      for (const { reject } of asked) reject(error);
    }
  }
}
