import type { Database, Row, Statement } from "../../platform/database/database.ts";
import { placeholders, upsertInto } from "../../platform/database/statements.ts";
import { Lane, type LaneObserver, type Outcome } from "../../platform/lane.ts";
import { type Instant, now } from "../../platform/time.ts";
import type { Charge, ChargeState } from "../domain/payment-provider.ts";

const columns = ["id", "user_id", "amount", "currency", "state", "asked_at"] as const;

/** Which charges the provider has been asked for, and what came of them. */
export class Charges {
  private readonly database: Database;
  private readonly lane: Lane<Charge, ChargeState>;

  constructor(database: Database, observe?: LaneObserver) {
    this.database = database;
    this.lane = new Lane((charges) => this.keep(charges), { observe, commitsAside: database.commitsAside });
  }

  /** Keeps that the provider is about to be asked, unless that is kept already. Answers how far the charge has come. */
  ask(charge: Charge, deadline?: number): Promise<ChargeState> {
    return this.lane.submit(charge, deadline);
  }

  /** Keeps that a charge never gives its points. */
  async decline({ id }: Charge): Promise<void> {
    await this.database.transaction((tx) =>
      tx.run([{ sql: "UPDATE charges SET state = 'declined' WHERE id = ? AND state = 'asked'", values: [id] }]),
    );
  }

  /** Charges of which nobody has told for so long what came of them, the oldest first. */
  async askedBefore(instant: Instant, limit: bigint): Promise<Charge[]> {
    const rows = await this.database.select({
      sql: `SELECT ${columns.join(", ")} FROM charges WHERE state = 'asked' AND asked_at < ? ORDER BY asked_at LIMIT ?`,
      values: [instant, limit],
    });
    return rows.map(chargeOf);
  }

  private keep(charges: readonly Charge[]): Promise<Outcome<ChargeState>[]> {
    const askedAt = now();
    const rows = charges.map((one) => [one.id, one.userId, one.amount, one.currency, "asked", askedAt] as const);
    const keeping = [
      upsertInto(this.database.dialect, "charges", columns, rows, { key: ["id"], update: [] }),
      {
        sql: `SELECT id, state FROM charges WHERE id IN (${placeholders(charges.length)})`,
        values: charges.map(({ id }) => id),
      },
    ];
    return this.database.batch(keeping, async ([, kept]) => {
      const states = new Map((kept ?? []).map(({ id, state }) => [id, state as ChargeState]));
      return { save: [], result: charges.map(({ id }) => ({ answer: states.get(id) as ChargeState })) };
    });
  }
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
