import { LedgerService, type TransferRequest } from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import type { Database } from "../../platform/database/database.ts";
import { isCurrency } from "../../platform/money.ts";
import { InvalidFields, NotFound } from "../../platform/refusal.ts";
import { inBatches } from "../../platform/rpc/batch-twin.ts";
import { type Handlers, type Served, serve } from "../../platform/rpc/handler.ts";
import { now, toInstant, toTimestamp } from "../../platform/time.ts";
import type { Wallet } from "../domain/account.ts";
import type { TransferCommand } from "../domain/transfer.ts";
import type { Ledger } from "../ledger.ts";
import type { Accounts } from "../store/accounts.ts";
import { systemBalances } from "../store/system-balances.ts";
import { accountIdsOf, entryOf, fateOf, selectEntries, selectTransfers } from "../store/transfers.ts";
import { readOwner, readTransferType, systemBalanceShape, transferShape, walletShape } from "./shapes.ts";

const defaultEntries = 100;

/** The ledger, for other services. */
export function serveLedger(ledger: Ledger, accounts: Accounts, database: Database, defaultCurrency: string): Served {
  const transfer: Handlers<typeof LedgerService>["transfer"] = async (request, call) => ({
    transfer: transferShape(await ledger.transfer(readTransfer(request), call.deadline)),
  });

  const walletOf = async (userId: bigint, currency: string): Promise<Wallet> => {
    const wallets = await accounts.walletsOf(userId);
    return found(wallets.find((wallet) => wallet.currency === currency));
  };

  return serve(LedgerService, {
    transfer,

    batchTransfer: inBatches(transfer),

    async voidTransfer({ id }, call) {
      const made = await ledger.void(id, call.deadline);
      return made ? { transfer: transferShape(made) } : {};
    },

    async openWallet({ userId, currencyCode }) {
      const currency = readCurrency(currencyCode ?? defaultCurrency, "currency_code");
      await accounts.open([{ owner: { kind: "wallet", userId }, currency }]);
      return { wallet: walletShape(await walletOf(userId, currency)) };
    },

    async getWallet({ key, currencyCode }) {
      const wallet =
        key.case === "userId"
          ? await walletOf(key.value, currencyCode ?? defaultCurrency)
          : found(await accounts.wallet(key.value ?? 0n));
      return { wallet: walletShape(wallet) };
    },

    async getTransfer({ id }) {
      const [row] = await database.select(selectTransfers([id]));
      const fate = row && fateOf(row, await accounts.ofIds(accountIdsOf(row)));
      if (fate?.kind !== "made") throw new NotFound("Transfer");
      return { transfer: transferShape(fate.transfer) };
    },

    async listEntries({ accountId, afterSequence, limit }) {
      const account = (await accounts.ofIds([accountId])).get(accountId);
      if (!account) throw new NotFound("Account");
      const rows = await database.select(selectEntries(accountId, afterSequence, limit ?? defaultEntries));
      return {
        entries: rows.map(entryOf).map(({ createdAt, amount, balanceAfter, sequence, transferNumber }) => ({
          accountId,
          sequence,
          transferNumber,
          amount: { currencyCode: account.currency, minorUnits: amount },
          ...(balanceAfter === undefined ? {} : { balanceAfterMinorUnits: balanceAfter }),
          createdAt: toTimestamp(createdAt),
        })),
      };
    },

    async listSystemBalances(request) {
      const asOf = request.asOf && toInstant(request.asOf);
      const balances = await database.snapshot((session) => systemBalances(session, asOf));
      return { balances: balances.map(systemBalanceShape), asOf: toTimestamp(asOf ?? now()) };
    },
  });
}

function readTransfer(request: TransferRequest): TransferCommand {
  const { id, debit, credit, amount, type, reference } = request;
  return {
    id,
    debit: readOwner(debit),
    credit: readOwner(credit),
    amount: amount?.minorUnits ?? 0n,
    currency: readCurrency(amount?.currencyCode ?? "", "amount.currency_code"),
    type: readTransferType(type),
    reference,
  };
}

function readCurrency(code: string, field: string): string {
  if (!isCurrency(code)) throw new InvalidFields([{ field, description: "The currency code is not a currency." }]);
  return code;
}

function found(wallet: Wallet | undefined): Wallet {
  if (!wallet) throw new NotFound("Wallet");
  return wallet;
}
