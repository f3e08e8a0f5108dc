import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import { type Instant, microsecondsPerSecond, now } from "../../platform/time.ts";
import type { HeldLine, Hold, HoldState } from "../domain/hold.ts";

const columns = ["id", "status", "due_at", "held_lines", "created_at"] as const;

/** How long the id of a hold that has ended stays spent: far longer than any flow calls. */
const rememberedFor = 7n * 24n * 3_600n * microsecondsPerSecond;

/** Rows that one statement of a purge deletes, so that it never holds up others for long. */
const purgedAtOnce = 1_000;

/** Holds by id, locked in the order that every transaction locks them in. */
export function lockHolds(ids: readonly string[], forUpdate: string): Statement {
  return {
    sql: `SELECT id, status, due_at, held_lines FROM holds WHERE id IN (${placeholders(ids.length)})
          ORDER BY id${forUpdate}`,
    values: ids,
  };
}

export function insertHolds(made: readonly Hold[]): Statement {
  const createdAt = now();
  // In the order of their ids, so that no two transactions wait for each other.
  const inOrder = made.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return insertInto(
    "holds",
    columns,
    inOrder.map(({ id, lines, state }) => [id, state.status, dueAt(state), writeLines(lines), createdAt]),
  );
}

/** What has become of holds that are there: as many statements as there are different states. */
export function updateHolds(changed: readonly Hold[]): Statement[] {
  const byState = Map.groupBy(changed, ({ state }) => `${state.status} ${dueAt(state)}`);
  return Array.from(byState.values(), (alike) => {
    const { state } = alike[0] as Hold;
    return {
      sql: `UPDATE holds SET status = ?, due_at = ? WHERE id IN (${placeholders(alike.length)})`,
      values: [state.status, dueAt(state), ...alike.map((hold) => hold.id)],
    };
  });
}

export function holdOf(row: Row): Hold {
  return { id: row.id as string, lines: readLines(row.held_lines as string), state: stateOf(row) };
}

/** Holds outside of transactions. */
export class Holds {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** The products of holds, by the hold's id; of those that are there. */
  async productsOf(ids: readonly string[]): Promise<Map<string, bigint[]>> {
    const rows = await this.database.select({
      sql: `SELECT id, held_lines FROM holds WHERE id IN (${placeholders(ids.length)})`,
      values: ids,
    });
    return new Map(
      rows.map((row) => [row.id as string, readLines(row.held_lines as string).map((line) => line.productId)]),
    );
  }

  /** The ids of holds that have expired and are held still: at most so many, the longest expired first. */
  async overdue(at: Instant, most: number): Promise<string[]> {
    const rows = await this.database.select({
      sql: "SELECT id FROM holds WHERE status = 'held' AND due_at <= ? ORDER BY due_at LIMIT ?",
      values: [at, BigInt(most)],
    });
    return rows.map((row) => row.id as string);
  }

  /** Forgets holds that ended long ago without a sale. What was sold is remembered: it may be given back any time. */
  async purge(at: Instant, signal: AbortSignal): Promise<void> {
    for (const status of ["released", "expired"]) {
      let found: readonly Row[];
      do {
        found = await this.database.select({
          sql: "SELECT id FROM holds WHERE status = ? AND due_at <= ? LIMIT ?",
          values: [status, at, BigInt(purgedAtOnce)],
        });
        if (found.length === 0) break;
        const ids = found.map((row) => row.id as string).sort();
        await this.database.write([
          {
            // An expired one may have been committed since.
            sql: `DELETE FROM holds WHERE id IN (${placeholders(ids.length)}) AND status = ? AND due_at <= ?`,
            values: [...ids, status, at],
          },
        ]);
      } while (found.length === purgedAtOnce && !signal.aborted);
    }
  }
}

function dueAt(state: HoldState): Instant | null {
  switch (state.status) {
    case "held":
      return state.expiresAt;
    case "committed":
      return null;
    case "released":
    case "expired":
      return state.endedAt + rememberedFor;
    default:
      return state satisfies never;
  }
}

function stateOf(row: Row): HoldState {
  const status = row.status as HoldState["status"];
  switch (status) {
    case "held":
      return { status, expiresAt: row.due_at as Instant };
    case "committed":
      return { status };
    case "released":
    case "expired":
      return { status, endedAt: (row.due_at as Instant) - rememberedFor };
    default:
      return status satisfies never;
  }
}

/** A line in JSON; every number is below 2^53. The quote's product is the line's. */
interface WrittenLine {
  readonly product: number;
  readonly quantity: number;
  readonly offer?: number;
  readonly vendor: number;
  readonly name: string;
  readonly price: number;
  readonly currency: string;
  readonly quotedOffer?: number;
  readonly stock: number;
}

function writeLines(lines: readonly HeldLine[]): string {
  return JSON.stringify(
    lines.map(
      ({ productId, quantity, offerId, quote }): WrittenLine => ({
        product: Number(productId),
        quantity: Number(quantity),
        ...(offerId !== undefined && { offer: Number(offerId) }),
        vendor: Number(quote.vendorId),
        name: quote.name,
        price: Number(quote.unitPrice),
        currency: quote.currency,
        ...(quote.offerId !== undefined && { quotedOffer: Number(quote.offerId) }),
        stock: Number(quote.stock),
      }),
    ),
  );
}

function readLines(text: string): HeldLine[] {
  return (JSON.parse(text) as WrittenLine[]).map((line) => ({
    productId: BigInt(line.product),
    quantity: BigInt(line.quantity),
    offerId: idOf(line.offer),
    quote: {
      productId: BigInt(line.product),
      vendorId: BigInt(line.vendor),
      name: line.name,
      unitPrice: BigInt(line.price),
      currency: line.currency,
      offerId: idOf(line.quotedOffer),
      stock: BigInt(line.stock),
    },
  }));
}

function idOf(number: number | undefined): bigint | undefined {
  return number === undefined ? undefined : BigInt(number);
}
