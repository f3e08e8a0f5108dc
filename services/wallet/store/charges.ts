import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { placeholders, upsertInto } from "../../platform/database/statements.ts";
import { KeyClaims } from "../../platform/key-claims.ts";
import { Lane, type LaneObserver, type Outcome } from "../../platform/lane.ts";
import type { Receipt } from "../../platform/receipt.ts";
import { Refusal } from "../../platform/refusal.ts";
import { type Instant, isRequestKnown, now } from "../../platform/time.ts";
import { renewed, renewedId } from "../domain/charge-renewal.ts";
import type { Charge, ChargeState } from "../domain/payment-provider.ts";

const columns = ["id", "user_id", "amount", "currency", "state", "asked_at"] as const;

/** What asks for a charge. */
export interface ChargeRequest {
  /** Of its idempotency key, if it came under one. */
  readonly receipt?: Receipt | undefined;
  /** Until when it is waited for, in milliseconds since 1970. */
  readonly deadline?: number;
}

interface Asking extends Pick<ChargeRequest, "receipt"> {
  readonly charge: Charge;
}

/** A charge, and how far it has come. */
export interface KeptCharge {
  readonly charge: Charge;
  readonly state: ChargeState;
}

/** What is kept of a charge, by its id. */
interface Kept {
  readonly state: ChargeState;
  readonly askedAt: Instant;
  /** How often what asked for it has come again after its day. */
  readonly renewals: bigint;
}

/** Which charges the provider has been asked for, and what came of them. */
export class Charges {
  private readonly database: Database;
  private readonly lane: Lane<Asking, KeptCharge>;

  constructor(database: Database, observe?: LaneObserver) {
    this.database = database;
    this.lane = new Lane((asked, { forUpdate }) => this.keep(asked, forUpdate), { observe, database });
  }

  /**
   * Keeps that the provider is about to be asked, unless that is kept already, and claims the idempotency key. Answers how
   * far the charge has come; where its id has been asked for a day ago, another in its place.
   */
  ask(charge: Charge, { receipt, deadline }: ChargeRequest = {}): Promise<KeptCharge> {
    return this.lane.submit({ charge, receipt }, deadline);
  }

  /** Keeps that a charge never gives its points. */
  async decline({ id }: Charge): Promise<void> {
    await this.database.write([
      { sql: "UPDATE charges SET state = 'declined' WHERE id = ? AND state = 'asked'", values: [id] },
    ]);
  }

  /** Charges of which nobody has told for so long what came of them, the oldest first. */
  async askedBefore(instant: Instant, limit: bigint): Promise<Charge[]> {
    const rows = await this.database.select({
      sql: `SELECT ${columns.join(", ")} FROM charges WHERE state = 'asked' AND asked_at < ? ORDER BY asked_at LIMIT ?`,
      values: [instant, limit],
    });
    return rows.map(chargeOf);
  }

  private keep(asked: readonly Asking[], forUpdate: string): Promise<Outcome<KeptCharge>[]> {
    const load = [
      selectKept(asked.map(({ charge }) => charge.id)),
      ...KeyClaims.load(
        asked.map(({ receipt }) => receipt),
        forUpdate,
      ),
    ];
    return this.database.batch(load, async ([kept = [], receipts = []], session) => {
      const batch = new ChargeBatch([...kept, ...(await renewalsOf(kept, session))], new KeyClaims(receipts));
      const result = asked.map((one) => batch.decide(one));
      return { save: batch.statements(this.database.dialect), result };
    });
  }
}

/** The charges of one transaction, decided in turn: each sees those before it. */
class ChargeBatch {
  private readonly kept: Map<string, Kept>;
  private readonly added: Charge[] = [];
  private readonly renewals = new Map<string, bigint>();
  private readonly keys: KeyClaims;
  private readonly now = now();

  constructor(rows: readonly Row[], keys: KeyClaims) {
    this.kept = new Map(rows.map((row) => [row.id as string, keptOf(row)]));
    this.keys = keys;
  }

  decide({ charge, receipt }: Asking): Outcome<KeptCharge> {
    try {
      return { answer: this.keys.under(receipt, () => this.ask(charge)) };
    } catch (error) {
      if (error instanceof Refusal) return { refusal: error };
      throw error;
    }
  }

  /** Another replica may ask for the same charges at the same time. */
  statements(dialect: Database["dialect"]): Statement[] {
    const rows = this.added.map((one) => [one.id, one.userId, one.amount, one.currency, "asked", this.now] as const);
    return [
      ...(rows.length > 0 ? [upsertInto(dialect, "charges", columns, rows, { key: ["id"], update: [] })] : []),
      ...Array.from(this.renewals, ([id, renewals]) => writeRenewals(id, renewals)),
      ...this.keys.statements,
    ];
  }

  private ask(asked: Charge): KeptCharge {
    const renewals = this.renewals.get(asked.id) ?? this.kept.get(asked.id)?.renewals ?? 0n;
    const charge = renewed(asked, renewals);
    const kept = this.kept.get(charge.id);
    if (!kept) return this.add(charge);
    if (isRequestKnown(kept.askedAt, this.now)) return { charge, state: kept.state };
    this.renewals.set(asked.id, renewals + 1n);
    return this.add(renewed(asked, renewals + 1n));
  }

  private add(charge: Charge): KeptCharge {
    this.added.push(charge);
    this.kept.set(charge.id, { state: "asked", askedAt: this.now, renewals: 0n });
    return { charge, state: "asked" };
  }
}

function selectKept(ids: readonly string[]): Statement {
  const sql = `SELECT id, state, asked_at, renewals FROM charges WHERE id IN (${placeholders(ids.length)})`;
  return { sql, values: ids };
}

/** The rows of what these charges have been renewed to last. */
async function renewalsOf(rows: readonly Row[], session: Session): Promise<Row[]> {
  const ids = rows.flatMap(({ id, renewals }) => (renewals ? [renewedId(id as string, renewals as bigint)] : []));
  if (ids.length === 0) return [];
  const [last = []] = await session.run([selectKept(ids)]);
  return last;
}

/** Those that a replica writes at the same time are the same. */
function writeRenewals(id: string, renewals: bigint): Statement {
  return { sql: "UPDATE charges SET renewals = ? WHERE id = ?", values: [renewals, id] };
}

function keptOf({ state, asked_at, renewals }: Row): Kept {
  return { state: state as ChargeState, askedAt: asked_at as bigint, renewals: renewals as bigint };
}

/** Keeps that a charge gave its points: to be written with the transfer that gives them. */
export function chargeIsDone({ id }: Charge): Statement {
  return { sql: "UPDATE charges SET state = 'done' WHERE id = ?", values: [id] };
}

function chargeOf({ id, user_id, amount, currency }: Row): Charge {
  return {
    id: id as string,
    userId: user_id as bigint,
    amount: amount as bigint,
    currency: currency as string,
  };
}
