import type { Row, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { Account } from "../domain/account.ts";
import type { Entry, Fate, Transfer, TransferType, Void } from "../domain/transfer.ts";

const transferColumns = [
  "number",
  "id",
  "debit_account_id",
  "credit_account_id",
  "amount",
  "currency",
  "type",
  "reference",
  "created_at",
  "debit_sequence",
  "debit_balance_after",
  "credit_sequence",
  "credit_balance_after",
] as const;

const entryColumns = [
  "account_id",
  "sequence",
  "transfer_number",
  "amount",
  "balance_after",
  "type",
  "created_at",
] as const;

/** Transfers by id, and the voids that stand in their place. */
export function selectTransfers(ids: readonly string[]): Statement {
  return {
    sql: `SELECT ${transferColumns.join(", ")} FROM transfers WHERE id IN (${placeholders(ids.length)})`,
    values: ids,
  };
}

export function insertTransfers(transfers: readonly Transfer[]): Statement {
  return insertInto(
    "transfers",
    transferColumns,
    transfers.map((transfer) => [
      transfer.number,
      transfer.id,
      transfer.debit.id,
      transfer.credit.id,
      transfer.amount,
      transfer.currency,
      transfer.type,
      transfer.reference,
      transfer.createdAt,
      transfer.debitSequence,
      transfer.debitBalanceAfter ?? null,
      transfer.creditSequence,
      transfer.creditBalanceAfter ?? null,
    ]),
  );
}

/** Takes the ids of transfers that never will be. */
export function insertVoids(voids: readonly Void[]): Statement {
  return insertInto(
    "transfers",
    transferColumns,
    voids.map(({ id, number, createdAt }) => {
      return [number, id, 0n, 0n, 0n, "", "void", "", createdAt, 0n, null, 0n, null] as const;
    }),
  );
}

/**
 * Makes the entries of transfers that have just been inserted, both of each, from the transfers themselves: they are
 * not sent twice, and cannot differ.
 */
export function insertEntriesOf(transfers: readonly Transfer[]): Statement[] {
  const runs = runsOf(transfers.map((transfer) => transfer.number));
  return [
    ["debit", "-amount"],
    ["credit", "amount"],
  ].map(([side, amount]) => ({
    sql: `INSERT INTO entries (${entryColumns.join(", ")})
          SELECT ${side}_account_id, ${side}_sequence, number, ${amount}, ${side}_balance_after, type, created_at
          FROM transfers WHERE ${runs.map(() => "number BETWEEN ? AND ?").join(" OR ")}`,
    values: runs.flat(),
  }));
}

/** Rising numbers as runs without a gap, each by its first and last: a transaction's transfers are mostly one. */
function runsOf(numbers: readonly bigint[]): [bigint, bigint][] {
  const runs: [bigint, bigint][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run[1] + 1n === number) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

/** The ids of the accounts that a row names: none for a void. */
export function accountIdsOf(row: Row): bigint[] {
  return row.type === "void" ? [] : [row.debit_account_id as bigint, row.credit_account_id as bigint];
}

/** What a row says of its id. */
export function fateOf(row: Row, accounts: ReadonlyMap<bigint, Account>): Fate {
  if (row.type !== "void") return { kind: "made", transfer: transferOf(row, accounts) };
  const { id, number, created_at } = row;
  return {
    kind: "voided",
    void: { id: id as string, number: number as bigint, createdAt: created_at as bigint },
  };
}

function transferOf(row: Row, accounts: ReadonlyMap<bigint, Account>): Transfer {
  const [debit, credit] = accountIdsOf(row).map((id) => accounts.get(id));
  if (!debit || !credit) throw new Error(`Transfer ${row.number} names an account that is not there`);
  return {
    id: row.id as string,
    number: row.number as bigint,
    debit,
    credit,
    amount: row.amount as bigint,
    currency: row.currency as string,
    type: row.type as TransferType,
    reference: row.reference as string,
    createdAt: row.created_at as bigint,
    debitSequence: row.debit_sequence as bigint,
    debitBalanceAfter: (row.debit_balance_after as bigint | null) ?? undefined,
    creditSequence: row.credit_sequence as bigint,
    creditBalanceAfter: (row.credit_balance_after as bigint | null) ?? undefined,
  };
}

/** An account's entries in the order they were made, after a sequence number. */
export function selectEntries(accountId: bigint, afterSequence: bigint, limit: number): Statement {
  return {
    sql: `SELECT ${entryColumns.join(", ")} FROM entries WHERE account_id = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
    values: [accountId, afterSequence, BigInt(limit)],
  };
}

export function entryOf(row: Row): Entry {
  return {
    accountId: row.account_id as bigint,
    sequence: row.sequence as bigint,
    transferNumber: row.transfer_number as bigint,
    amount: row.amount as bigint,
    balanceAfter: (row.balance_after as bigint | null) ?? undefined,
    type: row.type as TransferType,
    createdAt: row.created_at as bigint,
  };
}
