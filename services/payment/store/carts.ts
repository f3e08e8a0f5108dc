import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { placeholders, upsertInto } from "../../platform/database/statements.ts";
import { now } from "../../platform/time.ts";
import type { CartChange } from "../domain/cart.ts";
import type { Line } from "../domain/pricing.ts";

const columns = ["user_id", "product_id", "quantity", "added_at"] as const;

/** What members mean to order. */
export class Carts {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** A member's cart, in the order that things were first added. */
  async linesOf(userId: bigint): Promise<Line[]> {
    return (await this.database.select(selectLines(userId))).map(lineOf);
  }

  /**
   * Changes the line of one product. `decide` is given what is in the cart, which nobody else changes meanwhile; it throws
   * a Refusal, or answers undefined, to leave it as it is. `beside` is given what is in the cart once it is changed, and
   * writes in the same transaction.
   */
  async change(
    userId: bigint,
    productId: bigint,
    decide: (lines: readonly Line[]) => CartChange | undefined,
    beside: (lines: readonly Line[], session: Session) => Promise<unknown>,
  ): Promise<void> {
    let before: CartChange | undefined;
    await this.database.transaction(async (tx) => {
      const { dialect, forUpdate } = this.database;
      // The cart first: who locks lines only, each their own new one, waits for the other for good.
      const lock = upsertInto(dialect, "carts", ["user_id"], [[userId]], { key: ["user_id"], update: [] });
      const [, rows = []] = await tx.run([lock, selectLines(userId, forUpdate)]);
      const lines = rows.map(lineOf);
      // A run before this one may have been committed, and its answer lost.
      if (before && isMade(before, productId, lines)) return beside(lines, tx);
      const change = decide(lines);
      if (!change) return;
      const writing =
        change.kind === "remove"
          ? removeLines(userId, [productId])
          : setLine(dialect, userId, productId, change.quantity);
      const [, after = []] = await tx.run([writing, selectLines(userId)]);
      await beside(after.map(lineOf), tx);
      before = change;
    });
  }
}

function isMade(change: CartChange, productId: bigint, lines: readonly Line[]): boolean {
  const line = lines.find((one) => one.productId === productId);
  return line?.quantity === (change.kind === "remove" ? undefined : change.quantity);
}

/** Takes products out of a member's cart. */
export function removeLines(userId: bigint, productIds: readonly bigint[]): Statement {
  return {
    sql: `DELETE FROM cart_items WHERE user_id = ? AND product_id IN (${placeholders(productIds.length)})`,
    values: [userId, ...productIds],
  };
}

/** A line that is there keeps its place. */
function setLine(dialect: Database["dialect"], userId: bigint, productId: bigint, quantity: bigint): Statement {
  const upsert = { key: ["user_id", "product_id"], update: ["quantity"] };
  return upsertInto(dialect, "cart_items", columns, [[userId, productId, quantity, now()]], upsert);
}

function selectLines(userId: bigint, lock = ""): Statement {
  return {
    sql: `SELECT product_id, quantity FROM cart_items WHERE user_id = ? ORDER BY added_at, product_id${lock}`,
    values: [userId],
  };
}

function lineOf(row: Row): Line {
  return { productId: row.product_id as bigint, quantity: row.quantity as bigint };
}
