import type { Database, Row, Session, Statement, Value } from "../../../platform/database/database.ts";
import { insertInto, placeholders } from "../../../platform/database/statements.ts";
import type { Paging } from "../../../platform/paging.ts";
import { type Background, searchTextOf } from "../domain/background.ts";

const columns = ["id", "name", "description", "search_text", "active", "picture", "created_at", "updated_at"] as const;

const select = `SELECT ${columns.join(", ")} FROM backgrounds`;

/** Which backgrounds to list; what is undefined is not looked at. */
export interface BackgroundFilter {
  readonly active?: boolean | undefined;
  /** In the name or the description, in any case. */
  readonly search?: string | undefined;
}

/** The pictures that cards can have. */
export class Backgrounds {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(id: bigint): Promise<Background | undefined> {
    return (await this.ofIds([id])).get(id);
  }

  /** Backgrounds by id; of those that are there, active or not. */
  async ofIds(ids: readonly bigint[]): Promise<Map<bigint, Background>> {
    if (ids.length === 0) return new Map();
    return backgroundsOf(await this.database.select(selectByIds(ids)));
  }

  /** What is decided about one background is decided once at a time. */
  async lock(session: Session, id: bigint): Promise<Background | undefined> {
    const [rows = []] = await session.run([selectByIds([id], this.database.forUpdate)]);
    return backgroundsOf(rows).get(id);
  }

  /** One page and one more where there are more, the newest first; for a page by its number, how many there are. */
  async list(filter: BackgroundFilter, paging: Paging): Promise<{ rows: Background[]; total: bigint | undefined }> {
    const conditions = conditionsOf(filter);
    const after: Condition[] = paging.kind === "cursor" ? [["id < ?", paging.after[0] ?? 0n]] : [];
    const offset = paging.kind === "page" ? BigInt(paging.offset) : 0n;
    const [where, values] = whereOf([...conditions, ...after]);
    const [rows, total] = await Promise.all([
      this.database.select({
        sql: `${select}${where} ORDER BY id DESC LIMIT ? OFFSET ?`,
        values: [...values, BigInt(paging.perPage + 1), offset],
      }),
      paging.kind === "page" ? this.count(conditions) : undefined,
    ]);
    return { rows: rows.map(backgroundOf), total };
  }

  async insert(session: Session, background: Background): Promise<void> {
    const { id, name, description = null, active, picture, createdAt, updatedAt } = background;
    const row = [id, name, description, searchTextOf(background), active ? 1n : 0n, picture, createdAt, updatedAt];
    await session.run([insertInto("backgrounds", columns, [row])]);
  }

  async update(session: Session, background: Background): Promise<void> {
    const { id, name, description = null, active, picture, updatedAt } = background;
    await session.run([
      {
        sql: `UPDATE backgrounds
              SET name = ?, description = ?, search_text = ?, active = ?, picture = ?, updated_at = ? WHERE id = ?`,
        values: [name, description, searchTextOf(background), active ? 1n : 0n, picture, updatedAt, id],
      },
    ]);
  }

  async delete(session: Session, id: bigint): Promise<void> {
    await session.run([{ sql: "DELETE FROM backgrounds WHERE id = ?", values: [id] }]);
  }

  private async count(conditions: readonly Condition[]): Promise<bigint> {
    const [where, values] = whereOf(conditions);
    const [row] = await this.database.select({ sql: `SELECT COUNT(*) AS row_count FROM backgrounds${where}`, values });
    return row?.row_count as bigint;
  }
}

/**
 * Loads backgrounds for cards that are to have them, in the transaction that writes the cards: until it ends they are not
 * deleted. Several may do so at once. `backgroundsOf` reads the rows.
 */
export function holdBackgrounds(dialect: Database["dialect"], ids: readonly bigint[]): Statement {
  return selectByIds(ids, dialect === "mysql" ? " LOCK IN SHARE MODE" : "");
}

/** Reads rows of backgrounds, by id. */
export function backgroundsOf(rows: readonly Row[]): Map<bigint, Background> {
  return new Map(rows.map((row) => [row.id as bigint, backgroundOf(row)]));
}

type Condition = readonly [sql: string, value: Value];

function conditionsOf({ active, search }: BackgroundFilter): Condition[] {
  return [
    ...(active === undefined ? [] : [["active = ?", active ? 1n : 0n] as const]),
    ...(search === undefined ? [] : [["INSTR(search_text, ?) > 0", searchTextOf({ name: search })] as const]),
  ];
}

function whereOf(conditions: readonly Condition[]): [where: string, values: Value[]] {
  if (conditions.length === 0) return ["", []];
  return [` WHERE ${conditions.map(([sql]) => sql).join(" AND ")}`, conditions.map(([, value]) => value)];
}

function selectByIds(ids: readonly bigint[], lock = ""): Statement {
  return { sql: `${select} WHERE id IN (${placeholders(ids.length)})${lock}`, values: ids };
}

function backgroundOf(row: Row): Background {
  return {
    id: row.id as bigint,
    name: row.name as string,
    description: (row.description as string | null) ?? undefined,
    active: row.active === 1n,
    picture: row.picture as string,
    createdAt: row.created_at as bigint,
    updatedAt: row.updated_at as bigint,
  };
}
