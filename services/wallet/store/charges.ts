import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { placeholders, upsertInto } from "../../platform/database/statements.ts";
import { KeyClaims } from "../../platform/key-claims.ts";
import { Lane, type LaneObserver, type Outcome } from "../../platform/lane.ts";
import type { Receipt } from "../../platform/receipt.ts";
import { Refusal } from "../../platform/refusal.ts";
import { type Instant, now } from "../../platform/time.ts";
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

/** Which charges the provider has been asked for, and what came of them. */
export class Charges {
  private readonly database: Database;
  private readonly lane: Lane<Asking, ChargeState>;

  constructor(database: Database, observe?: LaneObserver) {
    this.database = database;
    this.lane = new Lane((asked) => this.keep(asked), { observe, commitsAside: database.commitsAside });
  }

  /**
   * Keeps that the provider is about to be asked, unless that is kept already, and claims the idempotency key. Answers how
   * far the charge has come.
   */
  ask(charge: Charge, { receipt, deadline }: ChargeRequest = {}): Promise<ChargeState> {
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

  private keep(asked: readonly Asking[]): Promise<Outcome<ChargeState>[]> {
    const load = [
      selectStates(asked.map(({ charge }) => charge.id)),
      ...KeyClaims.load(
        asked.map(({ receipt }) => receipt),
        this.database.forUpdate,
      ),
    ];
    return this.database.batch(load, async ([kept = [], receipts = []]) => {
      const states = new Map(kept.map(({ id, state }) => [id as string, state as ChargeState]));
      const keys = new KeyClaims(receipts);
      const added: Charge[] = [];
      const decide = ({ charge, receipt }: Asking): Outcome<ChargeState> => {
        try {
          return { answer: keys.under(receipt, () => states.get(charge.id) ?? add(charge)) };
        } catch (error) {
          if (error instanceof Refusal) return { refusal: error };
          throw error;
        }
      };
      const add = (charge: Charge): ChargeState => {
        added.push(charge);
        return "asked";
      };
      const result = asked.map(decide);
      return { save: [...this.adding(added), ...keys.statements], result };
    });
  }

  /** Another replica may ask for the same charge at the same time. */
  private adding(charges: readonly Charge[]): Statement[] {
    if (charges.length === 0) return [];
    const askedAt = now();
    const rows = charges.map((one) => [one.id, one.userId, one.amount, one.currency, "asked", askedAt] as const);
    return [upsertInto(this.database.dialect, "charges", columns, rows, { key: ["id"], update: [] })];
  }
}

function selectStates(ids: readonly string[]): Statement {
  return { sql: `SELECT id, state FROM charges WHERE id IN (${placeholders(ids.length)})`, values: ids };
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
