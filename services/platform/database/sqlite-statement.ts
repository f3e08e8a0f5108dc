import type { SQLInputValue, StatementSync } from "node:sqlite";
import type { Row, Value } from "./database.ts";

type ToRow = (values: readonly Value[]) => Row;

/** A prepared statement. Its rows are read as arrays and made into objects of one shape: in half the time of objects. */
export class SqliteStatement {
  private readonly statement: StatementSync;
  private readonly columns: number;
  private readonly toRow: ToRow;

  constructor(statement: StatementSync) {
    const names = statement.columns().map(({ name }) => name);
    statement.setReturnArrays(true);
    this.statement = statement;
    this.columns = names.length;
    this.toRow = compileRow(names);
  }

  /** Whether it answers with rows, be it none. */
  get hasRows(): boolean {
    return this.columns > 0;
  }

  /** Runs it; answers its rows, none where it has none. */
  all(values: readonly unknown[]): Row[] {
    const rows = this.statement.all(...(values as SQLInputValue[])) as unknown as Value[][];
    return rows.map(this.toRow);
  }

  run(values: readonly unknown[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint } {
    return this.statement.run(...(values as SQLInputValue[]));
  }
}

/** One literal for all rows, so that they share a hidden class; the names are those of our own statements. */
function compileRow(names: readonly string[]): ToRow {
  const members = names.map((name, index) => `${JSON.stringify(name)}: values[${index}]`);
  return new Function("values", `return { ${members.join(", ")} }`) as ToRow;
}
