import type { Database, Row, Session } from "../../platform/database/database.ts";
import { insertInto } from "../../platform/database/statements.ts";
import type { Paging } from "../../platform/paging.ts";
import type { Vendor } from "../domain/product.ts";
import { listNewest } from "./newest-first.ts";

const columns = ["id", "name", "created_at", "updated_at"] as const;
const select = `SELECT ${columns.join(", ")} FROM vendors`;

/** Those who sell. */
export class Vendors {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(id: bigint): Promise<Vendor | undefined> {
    const [row] = await this.database.select({ sql: `${select} WHERE id = ?`, values: [id] });
    return row && vendorOf(row);
  }

  /** What is decided about one vendor is decided once at a time. */
  async lock(session: Session, id: bigint): Promise<Vendor | undefined> {
    const [rows] = await session.run([{ sql: `${select} WHERE id = ?${this.database.forUpdate}`, values: [id] }]);
    return rows?.[0] && vendorOf(rows[0]);
  }

  async exists(session: Session, id: bigint): Promise<boolean> {
    const [rows] = await session.run([{ sql: "SELECT id FROM vendors WHERE id = ?", values: [id] }]);
    return rows?.length === 1;
  }

  async list(paging: Paging): Promise<{ rows: Vendor[]; total: bigint | undefined }> {
    const listing = { columns: columns.join(", "), from: "vendors", id: "id", where: [] };
    const { rows, total } = await listNewest(this.database, listing, paging);
    return { rows: rows.map(vendorOf), total };
  }

  async insert(session: Session, { id, name, createdAt, updatedAt }: Vendor): Promise<void> {
    await session.run([insertInto("vendors", columns, [[id, name, createdAt, updatedAt]])]);
  }

  async update(session: Session, { id, name, updatedAt }: Vendor): Promise<void> {
    await session.run([
      { sql: "UPDATE vendors SET name = ?, updated_at = ? WHERE id = ?", values: [name, updatedAt, id] },
    ]);
  }
}

function vendorOf(row: Row): Vendor {
  return {
    id: row.id as bigint,
    name: row.name as string,
    createdAt: row.created_at as bigint,
    updatedAt: row.updated_at as bigint,
  };
}
