import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { Key, Paging } from "../../platform/paging.ts";
import type { Instant } from "../../platform/time.ts";
import type { Coupon } from "../domain/coupon.ts";
import type { Discount } from "../domain/discount.ts";

const columns = [
  "id",
  "name",
  "discount_type",
  "discount_value",
  "currency",
  "min_order_amount",
  "max_discount",
  "total_quantity",
  "issued_quantity",
  "used_quantity",
  "per_user_limit",
  "starts_at",
  "ends_at",
  "created_at",
  "updated_at",
] as const;

const select = `SELECT ${columns.join(", ")} FROM coupons`;

/** The coupons that there are. */
export class Coupons {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(id: bigint): Promise<Coupon | undefined> {
    const [row] = await this.database.select(selectCoupons([id], ""));
    return row && couponOf(row);
  }

  /** What is decided about a coupon is decided once at a time. */
  async lock(session: Session, id: bigint): Promise<Coupon | undefined> {
    const [rows] = await session.run([selectCoupons([id], this.database.forUpdate)]);
    return rows?.[0] && couponOf(rows[0]);
  }

  async insert(session: Session, coupon: Coupon): Promise<void> {
    const { id, name, discount, currency, minOrderAmount = null, totalQuantity, perUserLimit } = coupon;
    const { issuedQuantity, usedQuantity, startsAt, endsAt = null, createdAt, updatedAt } = coupon;
    const [value, most] = discount.type === "percent" ? [discount.hundredths, discount.most] : [discount.amount];
    const terms = [discount.type, value, currency, minOrderAmount, most ?? null] as const;
    const quantities = [totalQuantity, issuedQuantity, usedQuantity, perUserLimit] as const;
    const row = [id, name, ...terms, ...quantities, startsAt, endsAt, createdAt, updatedAt];
    await session.run([insertInto("coupons", columns, [row])]);
  }

  /** Writes what of a locked coupon can be changed. */
  async update(session: Session, coupon: Coupon): Promise<void> {
    const { id, name, totalQuantity, perUserLimit, startsAt, endsAt = null, updatedAt } = coupon;
    await session.run([
      {
        sql: `UPDATE coupons SET name = ?, total_quantity = ?, per_user_limit = ?, starts_at = ?, ends_at = ?,
              updated_at = ? WHERE id = ?`,
        values: [name, totalQuantity, perUserLimit, startsAt, endsAt, updatedAt, id],
      },
    ]);
  }

  /** One page, and one more where there are more: the newest first. */
  async list(paging: Paging): Promise<Coupon[]> {
    const [createdAt = 0n, id = 0n] = paging.kind === "cursor" ? paging.after : [];
    const [where, values] =
      paging.kind === "cursor"
        ? ["WHERE created_at < ? OR (created_at = ? AND id < ?)", [createdAt, createdAt, id]]
        : ["", []];
    const offset = paging.kind === "page" ? BigInt(paging.offset) : 0n;
    const rows = await this.database.select({
      sql: `${select} ${where} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`,
      values: [...values, BigInt(paging.perPage + 1), offset],
    });
    return rows.map(couponOf);
  }

  async count(): Promise<bigint> {
    const [row] = await this.database.select({ sql: "SELECT COUNT(*) AS total FROM coupons", values: [] });
    return row?.total as bigint;
  }
}

/** What the list is sorted by. */
export function couponKey({ createdAt, id }: Coupon): Key {
  return [createdAt, id];
}

/** Coupons by id, in the order that every transaction locks them. */
export function selectCoupons(ids: readonly bigint[], forUpdate: string): Statement {
  return { sql: `${select} WHERE id IN (${placeholders(ids.length)}) ORDER BY id${forUpdate}`, values: ids };
}

/** Coupons that members are issued at once. */
export interface Issue {
  readonly count: bigint;
  /** Of the member's coupon that is issued last. */
  readonly lastId: bigint;
}

/** Counts so many more of a locked coupon as issued. */
export function addIssued(couponId: bigint, { count, lastId }: Issue): Statement {
  return {
    sql: "UPDATE coupons SET issued_quantity = issued_quantity + ?, last_issued_id = ? WHERE id = ?",
    values: [count, lastId, couponId],
  };
}

/** What must hold for coupons to be issued without a look at them first. */
export interface IssueGuard {
  /** The coupon as it is held to be: a member may have `perUserLimit` of it. */
  readonly coupon: Coupon;
  readonly at: Instant;
  /** The member's coupon that was issued last, of any member; undefined: whichever. */
  readonly afterId: bigint | undefined;
}

/**
 * Counts so many more of a coupon as issued, if that many are left and all else is as it must be. Fails where it is not,
 * and with it the transaction: below zero nothing is issued.
 */
export function addIssuedIfLeft({ count, lastId }: Issue, { coupon, at, afterId }: IssueGuard): Statement {
  const [isNext, next] = afterId === undefined ? ["", []] : ["AND last_issued_id = ?", [afterId]];
  return {
    sql: `UPDATE coupons SET issued_quantity = CASE
            WHEN issued_quantity + ? <= total_quantity AND per_user_limit = ?
              AND starts_at <= ? AND (ends_at IS NULL OR ends_at >= ?) ${isNext}
            THEN issued_quantity + ? ELSE -1 END, last_issued_id = ?
          WHERE id = ?`,
    values: [count, coupon.perUserLimit, at, at, ...next, count, lastId, coupon.id],
  };
}

/** Counts so many more of a coupon as used, or fewer. */
export function addUsed(couponId: bigint, count: bigint): Statement {
  return { sql: "UPDATE coupons SET used_quantity = used_quantity + ? WHERE id = ?", values: [count, couponId] };
}

export function couponOf(row: Row): Coupon {
  return {
    id: row.id as bigint,
    name: row.name as string,
    discount: discountOf(row),
    currency: row.currency as string,
    minOrderAmount: optional(row.min_order_amount),
    totalQuantity: row.total_quantity as bigint,
    issuedQuantity: row.issued_quantity as bigint,
    usedQuantity: row.used_quantity as bigint,
    perUserLimit: row.per_user_limit as bigint,
    startsAt: row.starts_at as bigint,
    endsAt: optional(row.ends_at),
    createdAt: row.created_at as bigint,
    updatedAt: row.updated_at as bigint,
  };
}

/** What a coupon's row says of its discount. */
function discountOf(row: Row): Discount {
  const value = row.discount_value as bigint;
  return row.discount_type === "percent"
    ? { type: "percent", hundredths: value, most: optional(row.max_discount) }
    : { type: "fixed", amount: value };
}

function optional(value: Row[string] | undefined): bigint | undefined {
  return (value as bigint | null) ?? undefined;
}
