import type { Database, Statement } from "../../platform/database/database.ts";
import { addTo } from "../../platform/database/statements.ts";
import type { Product } from "../domain/product.ts";
import { productOf } from "./products.ts";

/** So many units of a product on a day, counted from 1970 in UTC; below zero where they were given back. */
export interface Sale {
  readonly day: bigint;
  readonly productId: bigint;
  readonly units: bigint;
}

/** A product, and the units of it that were paid for and not given back. */
export interface SoldProduct {
  readonly product: Product;
  readonly sold: bigint;
}

/** How many units of each product were paid for on each day. */
export class ProductSales {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** What adds to what was sold; each product of each day at most once. */
  adding(sales: readonly Sale[]): readonly Statement[] {
    if (sales.length === 0) return [];
    // In the order of their key, so that no two transactions wait for each other.
    const rows = sales
      .toSorted((a, b) => compare(a.day, b.day) || compare(a.productId, b.productId))
      .map(({ day, productId, units }) => [day, productId, units] as const);
    return [
      addTo(this.database.dialect, "product_sales", ["day", "product_id", "units"], rows, {
        key: ["day", "product_id"],
        add: ["units"],
      }),
    ];
  }

  /** The products that sold best since a day, of those on sale, at most so many: the most sold first. */
  async best(sinceDay: bigint, most: number): Promise<SoldProduct[]> {
    const rows = await this.database.select({
      sql: `SELECT p.id, p.vendor_id, p.name, p.price, p.currency, p.active, p.created_at, p.updated_at, summed.sold
            FROM (
              SELECT product_id, SUM(units) AS sold FROM product_sales WHERE day >= ?
              GROUP BY product_id HAVING SUM(units) > 0
            ) summed JOIN products p ON p.id = summed.product_id
            WHERE p.active = 1 ORDER BY summed.sold DESC, p.id LIMIT ?`,
      values: [sinceDay, BigInt(most)],
    });
    return rows.map((row) => ({ product: productOf(row), sold: row.sold as bigint }));
  }

  /** Forgets what was sold before a day. */
  async purge(beforeDay: bigint): Promise<void> {
    await this.database.write([{ sql: "DELETE FROM product_sales WHERE day < ?", values: [beforeDay] }]);
  }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}
