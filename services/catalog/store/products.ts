import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { Paging } from "../../platform/paging.ts";
import type { Product, StockLevel } from "../domain/product.ts";
import { listNewest } from "./newest-first.ts";
import { insertLevel, levelOf } from "./stock-levels.ts";

const columns = ["id", "vendor_id", "name", "price", "currency", "active", "created_at", "updated_at"] as const;
const columnsWithStock = [...columns.map((column) => `p.${column}`), "s.product_id", "s.free", "s.held", "s.sold"];
const joinStock = "JOIN stock s ON s.product_id = p.id";

/** A product, and where its units are. */
export interface StockedProduct {
  readonly product: Product;
  readonly level: StockLevel;
}

/** Which products to list. */
export interface ProductFilter {
  readonly vendorId: bigint | undefined;
  /** Only those on sale. */
  readonly onlyActive: boolean;
}

/** What is sold. */
export class Products {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(id: bigint): Promise<StockedProduct | undefined> {
    return (await this.ofIds([id])).get(id);
  }

  /** Products by id; of those that are there. */
  async ofIds(ids: readonly bigint[]): Promise<Map<bigint, StockedProduct>> {
    const rows = await this.database.select({
      sql: `SELECT ${columnsWithStock.join(", ")} FROM products p ${joinStock} WHERE p.id IN (${placeholders(ids.length)})`,
      values: ids,
    });
    return new Map(rows.map((row) => [row.id as bigint, stockedProductOf(row)]));
  }

  async list(
    { vendorId, onlyActive }: ProductFilter,
    paging: Paging,
  ): Promise<{ rows: StockedProduct[]; total: bigint | undefined }> {
    const listing = {
      columns: columnsWithStock.join(", "),
      from: "products p",
      join: joinStock,
      id: "p.id",
      where: [
        ...(vendorId === undefined ? [] : [["p.vendor_id = ?", vendorId] as const]),
        ...(onlyActive ? [["p.active = ?", 1n] as const] : []),
      ],
    };
    const { rows, total } = await listNewest(this.database, listing, paging);
    return { rows: rows.map(stockedProductOf), total };
  }

  /** What is decided about one product, its stock aside, is decided once at a time. */
  async lock(session: Session, id: bigint): Promise<Product | undefined> {
    const [rows] = await session.run([
      { sql: `SELECT ${columns.join(", ")} FROM products WHERE id = ?${this.database.forUpdate}`, values: [id] },
    ]);
    return rows?.[0] && productOf(rows[0]);
  }

  /** The stock of a product as this transaction sees it. */
  async level(session: Session, id: bigint): Promise<StockLevel> {
    const [rows] = await session.run([
      { sql: "SELECT product_id, free, held, sold FROM stock WHERE product_id = ?", values: [id] },
    ]);
    if (!rows?.[0]) throw new Error(`Product ${id} has no stock`);
    return levelOf(rows[0]);
  }

  async insert(session: Session, product: Product, level: StockLevel): Promise<void> {
    const { id, vendorId, name, price, currency, active, createdAt, updatedAt } = product;
    await session.run([
      insertInto("products", columns, [[id, vendorId, name, price, currency, active ? 1n : 0n, createdAt, updatedAt]]),
      insertLevel(level),
    ]);
  }

  async update(session: Session, { id, name, price, active, updatedAt }: Product): Promise<void> {
    await session.run([
      {
        sql: "UPDATE products SET name = ?, price = ?, active = ?, updated_at = ? WHERE id = ?",
        values: [name, price, active ? 1n : 0n, updatedAt, id],
      },
    ]);
  }
}

/** Products by id, to be priced. */
export function selectProducts(ids: readonly bigint[]): Statement {
  return {
    sql: `SELECT ${columns.join(", ")} FROM products WHERE id IN (${placeholders(ids.length)})`,
    values: ids,
  };
}

export function productOf(row: Row): Product {
  return {
    id: row.id as bigint,
    vendorId: row.vendor_id as bigint,
    name: row.name as string,
    price: row.price as bigint,
    currency: row.currency as string,
    active: row.active === 1n,
    createdAt: row.created_at as bigint,
    updatedAt: row.updated_at as bigint,
  };
}

function stockedProductOf(row: Row): StockedProduct {
  return { product: productOf(row), level: levelOf(row) };
}
