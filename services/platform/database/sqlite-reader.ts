import type { Row, Statement, Value } from "./database.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

interface Asked {
  readonly statement: Statement;
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads from a SQLite file. What is asked in one turn of the event loop is read together at its end, in one read
 * transaction: its locks are taken once, and those who asked go on, and answer their clients, side by side. What several
 * ask for is read once for all of them, as everybody who comes at once wants to know the same of what is popular.
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
      const found = new Map<string, Map<string, Row[]>>();
      for (const { statement, resolve, reject } of asked) {
        try {
          resolve(this.find(statement, found));
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

  /** Reads rows, unless they have been found for somebody else: by the text of their statement, and that of its values. */
  private find(statement: Statement, found: Map<string, Map<string, Row[]>>): Row[] {
    const alike = found.get(statement.sql) ?? new Map<string, Row[]>();
    found.set(statement.sql, alike);
    const values = textOf(statement.values);
    const known = alike.get(values);
    if (known) return [...known];
    const rows = this.connection.run(statement);
    alike.set(values, rows);
    return rows;
  }
}

/** Values of the same text are the same. */
function textOf(values: readonly Value[]): string {
  let text = "";
  for (const value of values) text += `${typeof value === "bigint" ? value : quoted(value)},`;
  return text;
}

function quoted(value: Exclude<Value, bigint>): string {
  return value instanceof Uint8Array ? `x${Buffer.from(value).toString("base64")}` : JSON.stringify(value);
}
