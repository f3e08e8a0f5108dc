import type { Row, Statement } from "../../platform/database/database.ts";
import { insertInto, placeholders } from "../../platform/database/statements.ts";
import type { Account } from "../domain/account.ts";
import type { Entry, Transfer, TransferType } from "../domain/transfer.ts";

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
  "debit_balance_after",
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
      transfer.debitBalanceAfter ?? null,
      transfer.creditBalanceAfter ?? null,
    ]),
  );
}

export function insertEntries(entries: readonly Entry[]): Statement {
  return insertInto(
    "entries",
    entryColumns,
    entries.map((entry) => [
      entry.accountId,
      entry.sequence,
      entry.transferNumber,
      entry.amount,
      entry.balanceAfter ?? null,
      entry.type,
      entry.createdAt,
    ]),
  );
}

/** The ids of the accounts that a transfer's row names. */
export function accountIdsOf(row: Row): [bigint, bigint] {
  return [row.debit_account_id as bigint, row.credit_account_id as bigint];
}

export function transferOf(row: Row, accounts: ReadonlyMap<bigint, Account>): Transfer {
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
    debitBalanceAfter: (row.debit_balance_after as bigint | null) ?? undefined,
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
