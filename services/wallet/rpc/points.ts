import { randomUUID } from "node:crypto";
import { PointsService } from "../../../gen/giftmesh/wallet/v1/points_service_pb.ts";
import { formatAmount, isCurrency, parseAmount } from "../../platform/money.ts";
import { pageOf, readPaging } from "../../platform/paging.ts";
import { InvalidFields, NotFound } from "../../platform/refusal.ts";
import { memberId } from "../../platform/rpc/access.ts";
import type { Call } from "../../platform/rpc/call.ts";
import { type Served, serve } from "../../platform/rpc/handler.ts";
import { toInstant } from "../../platform/time.ts";
import type { Charging } from "../charging.ts";
import type { Wallet } from "../domain/account.ts";
import type { Transfer } from "../domain/transfer.ts";
import type { Accounts } from "../store/accounts.ts";
import { logKey, type TransactionLog } from "../store/transaction-log.ts";
import { creditLine, readTransferType, transactionShape } from "./shapes.ts";

/** What a member's points stand on. */
export interface PointsParts {
  readonly charging: Charging;
  readonly accounts: Accounts;
  readonly log: TransactionLog;
  /** ISO 4217. */
  readonly defaultCurrency: string;
}

/** A member's points. */
export function servePoints({ charging, accounts, log, defaultCurrency }: PointsParts): Served {
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

      const { receipt, deadline } = call;
      const charge = { id: `charge-${receipt?.effectId ?? randomUUID()}`, userId, amount, currency };
      const beside = (made: Transfer) => receipt?.settling(charged(made)) ?? [];
      return charged(await charging.charge(charge, { beside, receipt, deadline }));
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
