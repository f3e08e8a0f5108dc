import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders, upsertInto } from "../../platform/database/statements.ts";
import type { StockLevel } from "../domain/product.ts";

const columns = ["product_id", "free", "held", "sold"] as const;

/** The stock of products, locked in the order that every transaction locks it in. */
export function lockLevels(productIds: readonly bigint[], forUpdate: string): Statement {
  return {
    sql: `SELECT ${columns.join(", ")} FROM stock
          WHERE product_id IN (${placeholders(productIds.length)}) ORDER BY product_id${forUpdate}`,
    values: productIds,
  };
}

/** The stock of a product that is new. */
export function insertLevel(level: StockLevel): Statement {
  return insertInto("stock", columns, [valuesOf(level)]);
}

/** Brings the stock of products that are locked to what it is now. */
export function updateLevels(dialect: Database["dialect"], levels: readonly StockLevel[]): Statement {
  return upsertInto(dialect, "stock", columns, levels.map(valuesOf), {
    key: ["product_id"],
    update: ["free", "held", "sold"],
  });
}

export function levelOf(row: Row): StockLevel {
  return {
    productId: row.product_id as bigint,
    free: row.free as bigint,
    held: row.held as bigint,
    sold: row.sold as bigint,
  };
}

function valuesOf({ productId, free, held, sold }: StockLevel) {
  return [productId, free, held, sold] as const;
}
