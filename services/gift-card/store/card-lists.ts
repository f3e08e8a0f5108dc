import type { Database, Session, Statement, Value } from "../../platform/database/database.ts";
import { placeholders } from "../../platform/database/statements.ts";
import type { Key, Paging } from "../../platform/paging.ts";
import type { Instant } from "../../platform/time.ts";
import { type Card, type CardState, flowStates } from "../domain/card.ts";
import { type FacetFilter, facetsMatching } from "../domain/facets.ts";
import { cardColumns, cardOf, selectByCode, selectCards, selectRequested } from "./cards.ts";

/** Whose cards: somebody's who gave or holds them, a vendor's, or all. */
export type Scope =
  | { readonly kind: "all" }
  | { readonly kind: "vendor"; readonly vendorId: bigint }
  | {
      readonly kind: "member";
      readonly userId: bigint;
      /** Those that they hold are known by these. */
      readonly emails: readonly string[];
      readonly numbers: readonly string[];
      readonly side: "sent" | "received" | "all";
    };

/** A condition that one index answers, newest first in each facet. */
interface Source {
  /** The column that the facet is in, in that index. */
  readonly facet: string;
  readonly sql: string;
  readonly values: readonly Value[];
}

const nobodysContact = "recipient_email IS NULL AND recipient_number IS NULL";

/** What cards there are. */
export class CardLists {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async find(id: bigint): Promise<Card | undefined> {
    const [row] = await this.database.select(selectCards([id]));
    return row && cardOf(row);
  }

  /** Those of these ids that are there, by id. */
  async findMany(ids: readonly bigint[]): Promise<Map<bigint, Card>> {
    if (ids.length === 0) return new Map();
    const rows = await this.database.select(selectCards(ids));
    return new Map(rows.map((row) => [row.id as bigint, cardOf(row)]));
  }

  /** The card that a request has asked for. */
  async findRequested(requestId: string): Promise<Card | undefined> {
    const [row] = await this.database.select(selectRequested([requestId]));
    return row && cardOf(row);
  }

  /** The card of a code, by every HMAC that it may be kept under. */
  async findByCode(searchKeys: readonly Uint8Array[]): Promise<Card | undefined> {
    const [row] = await this.database.select(selectByCode(searchKeys));
    return row && cardOf(row);
  }

  /** One page, the newest first, and one more where there are more. */
  async list(scope: Scope, filter: FacetFilter, paging: Paging): Promise<Card[]> {
    const before = paging.kind === "cursor" ? paging.after[0] : undefined;
    const offset = paging.kind === "page" ? paging.offset : 0;
    const matching = matchingIds(scope, filter, { before, limit: offset + paging.perPage + 1 });
    if (!matching) return [];
    const rows = await this.database.select({
      sql: `SELECT ${cardColumns} FROM cards WHERE id IN (SELECT id FROM (${matching.sql}
              ORDER BY id DESC LIMIT ? OFFSET ?) AS page) ORDER BY id DESC`,
      values: [...matching.values, BigInt(paging.perPage + 1), BigInt(offset)],
    });
    return rows.map(cardOf);
  }

  /** How many cards match; for one member, whose cards are few: all cards, and a vendor's, are counted as they change. */
  async count(scope: Scope, filter: FacetFilter): Promise<bigint> {
    const matching = matchingIds(scope, filter, { before: undefined, limit: undefined });
    if (!matching) return 0n;
    const sql = `SELECT COUNT(*) AS total FROM (${matching.sql}) AS matching`;
    const [row] = await this.database.select({ sql, values: matching.values });
    return (row?.total as bigint | undefined) ?? 0n;
  }

  /** Cards that somebody is to see to, those that have waited longest first. */
  async due(by: Instant, limit: number): Promise<Card[]> {
    const sql = `SELECT ${cardColumns} FROM cards WHERE due_at <= ? ORDER BY due_at LIMIT ?`;
    return (await this.database.select({ sql, values: [by, BigInt(limit)] })).map(cardOf);
  }

  /** How many cards have been on their way since before an instant, and are to be seen to by another: by their states. */
  async countUnderWay(since: Instant, dueBy: Instant): Promise<Map<CardState, number>> {
    const sql = `SELECT state, COUNT(*) AS total FROM cards
                 WHERE due_at <= ? AND updated_at < ? AND state IN (${placeholders(flowStates.length)}) GROUP BY state`;
    const rows = await this.database.select({ sql, values: [dueBy, since, ...flowStates] });
    return new Map(rows.map(({ state, total }) => [state as CardState, Number(total)]));
  }

  /** Has a card that could not be seen to wait. */
  async postpone({ id, state }: Card, dueAt: Instant): Promise<void> {
    const sql = "UPDATE cards SET due_at = ? WHERE id = ? AND state = ? AND due_at IS NOT NULL AND due_at < ?";
    await this.database.commit([{ sql, values: [dueAt, id, state, dueAt] }]);
  }

  /** Forgets a card that was never made. */
  async forgetFailed(id: bigint): Promise<void> {
    await this.database.commit([{ sql: "DELETE FROM cards WHERE id = ? AND state = 'failed'", values: [id] }]);
  }

  /** Whether a background is on any card that clients see. */
  async isOnAnyCard(session: Session, backgroundImageId: bigint): Promise<boolean> {
    const sql = "SELECT id FROM cards WHERE background_image_id = ? AND state NOT IN ('failed', 'deleted') LIMIT 1";
    const [rows = []] = await session.run([{ sql, values: [backgroundImageId] }]);
    return rows.length > 0;
  }
}

/** What a list of cards is sorted by. */
export function cardKey({ id }: Card): Key {
  return [id];
}

/**
 * The ids that match, each once: the union of what the indexes have for each source and facet, of each no more than the
 * list can want. Undefined where nothing can match.
 */
function matchingIds(
  scope: Scope,
  filter: FacetFilter,
  { before, limit }: { readonly before: bigint | undefined; readonly limit: number | undefined },
): Statement | undefined {
  const parts = sourcesOf(scope).flatMap((source) =>
    facetsMatching(filter).map(({ number }) => {
      const conditions = [`${source.facet} = ?`, source.sql, ...(before === undefined ? [] : ["id < ?"])].filter(
        Boolean,
      );
      const end = limit === undefined ? "" : " ORDER BY id DESC LIMIT ?";
      return {
        sql: `SELECT id FROM (SELECT id FROM cards WHERE ${conditions.join(" AND ")}${end}) AS some`,
        values: [
          number,
          ...source.values,
          ...(before === undefined ? [] : [before]),
          ...(limit === undefined ? [] : [BigInt(limit)]),
        ],
      };
    }),
  );
  if (parts.length === 0) return undefined;
  return { sql: parts.map(({ sql }) => sql).join(" UNION "), values: parts.flatMap(({ values }) => values) };
}

function sourcesOf(scope: Scope): Source[] {
  switch (scope.kind) {
    case "all":
      return [{ facet: "facet", sql: "", values: [] }];
    case "vendor":
      return [{ facet: "vendor_facet", sql: "vendor_id = ?", values: [scope.vendorId] }];
    case "member": {
      const { userId, emails, numbers, side } = scope;
      const sent = { facet: "facet", sql: "sender_id = ?", values: [userId] };
      const kept = { facet: "facet", sql: `sender_id = ? AND ${nobodysContact}`, values: [userId] };
      const received = [
        ...(emails.length > 0 ? [contact("recipient_email", "email_facet", emails)] : []),
        ...(numbers.length > 0 ? [contact("recipient_number", "number_facet", numbers)] : []),
      ];
      if (side === "sent") return [sent];
      return side === "received" ? [kept, ...received] : [sent, ...received];
    }
    default:
      return scope satisfies never;
  }
}

function contact(column: string, facet: string, values: readonly string[]): Source {
  return { facet, sql: `${column} IN (${placeholders(values.length)})`, values };
}
