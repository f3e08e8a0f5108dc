import { randomUUID } from "node:crypto";
import type { Database } from "../../platform/database/database.ts";
import { IdSequence } from "../../platform/ids.ts";
import type { Owner } from "../domain/account.ts";
import type { TransferCommand } from "../domain/transfer.ts";
import { Ledger } from "../ledger.ts";
import { Accounts } from "../store/accounts.ts";

export const promotions: Owner = { kind: "promotions" };

export function walletOf(userId: bigint): Owner {
  return { kind: "wallet", userId };
}

/** A gift of 1.00 SAR to user 1, but for what is given. */
export function transferCommand(changes: Partial<TransferCommand>): TransferCommand {
  return {
    id: randomUUID(),
    debit: promotions,
    credit: walletOf(1n),
    amount: 100n,
    currency: "SAR",
    type: "gift_card_redeem",
    reference: "",
    ...changes,
  };
}

/** A ledger as one process has it: it shares nothing with others but the database. Of accounts it remembers so many. */
export function ledgerOn(
  database: Database,
  mostRemembered?: number,
): { readonly ledger: Ledger; readonly accounts: Accounts } {
  const accounts = new Accounts(database, new IdSequence(database, "accounts"), mostRemembered);
  return { accounts, ledger: new Ledger(database, accounts, new IdSequence(database, "transfers")) };
}
