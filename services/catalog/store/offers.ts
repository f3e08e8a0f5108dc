import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { Paging } from "../../platform/paging.ts";
import type { Instant } from "../../platform/time.ts";
import type { Offer } from "../domain/product.ts";
import { listNewest } from "./newest-first.ts";

const columns = ["id", "product_id", "name", "price", "starts_at", "ends_at"] as const;
const select = `SELECT ${columns.join(", ")} FROM offers`;

/** Offers that are shown of one product. */
const mostOfProduct = 100n;

/** An offer, and the currency that its price is in. */
export interface PricedOffer {
  readonly offer: Offer;
  /** ISO 4217. */
  readonly currency: string;
}

/** Prices for a time. */
export class Offers {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(id: bigint): Promise<PricedOffer | undefined> {
    const [row] = await this.database.select({
      sql: `SELECT ${pricedColumns} FROM offers o ${joinProduct} WHERE o.id = ?`,
      values: [id],
    });
    return row && pricedOfferOf(row);
  }

  async list(
    productId: bigint | undefined,
    paging: Paging,
  ): Promise<{ rows: PricedOffer[]; total: bigint | undefined }> {
    const where = productId === undefined ? [] : [["o.product_id = ?", productId] as const];
    const listing = { columns: pricedColumns, from: "offers o", join: joinProduct, id: "o.id", where };
    const { rows, total } = await listNewest(this.database, listing, paging);
    return { rows: rows.map(pricedOfferOf), total };
  }

  /** The offers that run at an instant, by product. */
  async running(productIds: readonly bigint[], at: Instant): Promise<Map<bigint, Offer[]>> {
    if (productIds.length === 0) return new Map();
    return byProduct(await this.database.select(selectRunning(productIds, at)));
  }

  /** All offers of products, past and coming ones too, by product: at most 100 of each, the newest first. */
  async newest(productIds: readonly bigint[]): Promise<Map<bigint, Offer[]>> {
    if (productIds.length === 0) return new Map();
    return byProduct(await this.database.select(selectNewest(productIds)));
  }

  /** The same of one product, as a transaction sees it. */
  async newestOf(session: Session, productId: bigint): Promise<Offer[]> {
    const [rows] = await session.run([selectNewest([productId])]);
    return (rows ?? []).map(offerOf);
  }

  /** What is decided about one offer is decided once at a time. */
  async lock(session: Session, id: bigint): Promise<Offer | undefined> {
    const [rows] = await session.run([{ sql: `${select} WHERE id = ?${this.database.forUpdate}`, values: [id] }]);
    return rows?.[0] && offerOf(rows[0]);
  }

  async insert(session: Session, { id, productId, name, price, startsAt, endsAt }: Offer): Promise<void> {
    await session.run([insertInto("offers", columns, [[id, productId, name, price, startsAt, endsAt ?? null]])]);
  }

  async update(session: Session, { id, name, price, startsAt, endsAt }: Offer): Promise<void> {
    await session.run([
      {
        sql: "UPDATE offers SET name = ?, price = ?, starts_at = ?, ends_at = ? WHERE id = ?",
        values: [name, price, startsAt, endsAt ?? null, id],
      },
    ]);
  }
}

const pricedColumns = [...columns.map((column) => `o.${column}`), "p.currency"].join(", ");
const joinProduct = "JOIN products p ON p.id = o.product_id";

/** The offers of products that run at an instant. */
export function selectRunning(productIds: readonly bigint[], at: Instant): Statement {
  return {
    sql: `${select} WHERE product_id IN (${placeholders(productIds.length)})
          AND (ends_at IS NULL OR ends_at >= ?) AND starts_at <= ?`,
    values: [...productIds, at, at],
  };
}

function selectNewest(productIds: readonly bigint[]): Statement {
  return {
    sql: `SELECT ${columns.join(", ")} FROM (
            SELECT ${columns.join(", ")}, ROW_NUMBER() OVER (PARTITION BY product_id ORDER BY id DESC) AS place
            FROM offers WHERE product_id IN (${placeholders(productIds.length)})
          ) placed WHERE place <= ? ORDER BY id DESC`,
    values: [...productIds, mostOfProduct],
  };
}

export function offerOf(row: Row): Offer {
  return {
    id: row.id as bigint,
    productId: row.product_id as bigint,
    name: row.name as string,
    price: row.price as bigint,
    startsAt: row.starts_at as bigint,
    endsAt: (row.ends_at as bigint | null) ?? undefined,
  };
}

function pricedOfferOf(row: Row): PricedOffer {
  return { offer: offerOf(row), currency: row.currency as string };
}

function byProduct(rows: readonly Row[]): Map<bigint, Offer[]> {
  return Map.groupBy(rows.map(offerOf), (offer) => offer.productId);
}
