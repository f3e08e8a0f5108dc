import { randomUUID } from "node:crypto";
import { PointsService } from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { formatAmount, isCurrency, parseAmount } from "../../platform/money.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { InvalidFields, NotFound, Refusal } from "../../platform/refusal.ts";
import { memberId } from "../../platform/rpc/access.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { toInstant } from "../../platform/time.ts";
import type { Wallet } from "../domain/account.ts";
import { ChargeDeclined } from "../domain/errors.ts";
import type { Charge, PaymentProvider } from "../domain/payment-provider.ts";
import type { Transfer } from "../domain/transfer.ts";
import type { Ledger } from "../ledger.ts";
import type { Accounts } from "../store/accounts.ts";
import { logKey, type TransactionLog } from "../store/transaction-log.ts";
import type { LedgerCommand } from "../transfer-batch.ts";
import { creditLine, readTransferType, transactionShape } from "./shapes.ts";

/** What a member's points stand on. */
export interface PointsParts {
  readonly ledger: Ledger;
  readonly accounts: Accounts;
  readonly log: TransactionLog;
  readonly provider: PaymentProvider;
  /** ISO 4217. */
  readonly defaultCurrency: string;
}

/** A member's points. */
export function servePoints({ ledger, accounts, log, provider, defaultCurrency }: PointsParts): Served {
  /** A member's wallets. One's own are opened at need; another's that has none is nobody the wallet knows of. */
  const walletsOf = async (userId: bigint, call: Call): Promise<Wallet[]> => {
    const wallets = await accounts.walletsOf(userId);
    if (wallets.some((wallet) => wallet.currency === defaultCurrency)) return wallets;
    if (wallets.length === 0 && userId !== call.caller.userId) throw new NotFound("Member");
    await accounts.open([{ owner: { kind: "wallet", userId }, currency: defaultCurrency }]);
    return accounts.walletsOf(userId);
  };

  return serve(PointsService, {
    async chargePoints(request, call) {
      const userId = memberId(request.memberId, call.caller);
      const currency = readCurrency(request.currency ?? defaultCurrency);
      const amount = readAmount(request.amount, currency);
      await walletsOf(userId, call);

      const charge = { id: `charge-${call.receipt?.effectId ?? randomUUID()}`, userId, amount, currency };
      if (!(await provider.approve(charge))) throw new ChargeDeclined();
      try {
        return charged(await ledger.transfer(transferOf(charge, call), call.deadline));
      } catch (error) {
        // Whether a transfer that was not answered has been made is not known; one that was refused has not.
        if (error instanceof Refusal && error.kind !== "unavailable") await provider.cancel(charge);
        throw error;
      }
    },

    async getPoints(request, call) {
      const wallets = await walletsOf(memberId(request.memberId, call.caller), call);
      const points = wallets.map(pointsOf);
      const main = points.find((one) => one.currency === defaultCurrency);
      return { ...main, wallets: points };
    },

    async listTransactions(request, call) {
      const paging = readPaging(request, 3);
      const filter = {
        type: request.type === undefined ? undefined : readTransferType(request.type),
        from: request.from && toInstant(request.from),
        to: request.to && toInstant(request.to),
      };
      const currency = request.currency === undefined ? undefined : readCurrency(request.currency);
      const all = await walletsOf(memberId(request.memberId, call.caller), call);
      const wallets = currency === undefined ? all : all.filter((wallet) => wallet.currency === currency);

      const { rows, pageInfo } = pageOf(paging, {
        rows: await log.lines(wallets, filter, paging),
        keyOf: logKey,
        total: paging.kind === "page" ? await log.count(wallets, filter) : undefined,
      });
      return { transactions: rows.map(transactionShape), pageInfo };
    },
  });
}

function transferOf({ id, userId, amount, currency }: Charge, { receipt }: Call): LedgerCommand {
  return {
    id,
    debit: { kind: "top_ups" },
    credit: { kind: "wallet", userId },
    amount,
    currency,
    type: "charge",
    reference: "",
    beside: (made) => (receipt ? [receipt.settling(charged(made))] : []),
  };
}

function charged(transfer: Transfer) {
  const line = creditLine(transfer);
  return {
    walletId: transfer.credit.id,
    balance: formatAmount(line.balanceAfter, line.currency),
    currency: line.currency,
    transaction: transactionShape(line),
  };
}

function pointsOf({ id, balance, currency }: Wallet) {
  return { walletId: id, balance: formatAmount(balance, currency), currency };
}

function readCurrency(code: string): string {
  if (isCurrency(code)) return code;
  throw new InvalidFields([{ field: "currency", description: "The currency is not supported." }]);
}

function readAmount(text: string, currency: string): bigint {
  const amount = parseAmount(text, currency);
  if ("minorUnits" in amount) return amount.minorUnits;
  throw new InvalidFields([{ field: "amount", description: `The amount ${amount.problem}.` }]);
}
