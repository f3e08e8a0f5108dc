import type { Database } from "../../services/platform/database/database.ts";
import type { IdSequence } from "../../services/platform/ids.ts";

/**
 * The ledger as one would write it plainly with knex: a transaction a transfer, the wallet locked with FOR UPDATE, the
 * same tables, the same guarantees (double entry, a repeated id changes nothing, never below zero, durable).
 */
export class PlainLedger {
  private readonly database: Database;
  private readonly numbers: IdSequence;

  constructor(database: Database, numbers: IdSequence) {
    this.database = database;
    this.numbers = numbers;
  }

  /** Credits a wallet from the top-ups account. */
  async charge(id: string, walletId: bigint, topUpsId: bigint, amount: bigint): Promise<bigint> {
    const number = await this.numbers.take();
    return this.database.transaction(async ({ knex }) => {
      const wallet = await knex("accounts").where({ id: walletId }).forUpdate().first();
      const made = await knex("transfers").where({ id }).first();
      if (made) return made.credit_balance_after;
      const balance = wallet.balance + amount;
      const sequence = wallet.sequence + 1n;
      const createdAt = BigInt(Date.now()) * 1_000n;
      const entry = { transfer_number: number, type: "charge", created_at: createdAt };
      await knex("transfers").insert({
        number,
        id,
        debit_account_id: topUpsId,
        credit_account_id: walletId,
        amount,
        currency: wallet.currency,
        type: "charge",
        reference: "",
        created_at: createdAt,
        debit_sequence: number,
        debit_balance_after: null,
        credit_sequence: sequence,
        credit_balance_after: balance,
      });
      await knex("entries").insert([
        { ...entry, account_id: topUpsId, sequence: number, amount: -amount, balance_after: null },
        { ...entry, account_id: walletId, sequence, amount, balance_after: balance },
      ]);
      await knex("accounts").where({ id: walletId }).update({ balance, sequence, last_entry_at: createdAt });
      return balance;
    });
  }
}
