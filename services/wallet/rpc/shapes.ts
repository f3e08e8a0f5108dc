import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AccountReference,
  type AccountReferenceSchema,
  SystemAccount,
  type SystemBalanceSchema,
  type TransferSchema,
  type WalletSchema,
} from "../../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import {
  Direction,
  type TransactionSchema,
  TransactionStatus,
  TransferType as TransferTypeCode,
} from "../../../gen/giftmesh/wallet/v1/transaction_pb.ts";
import { formatAmount } from "../../platform/money.ts";
import { toTimestamp } from "../../platform/time.ts";
import type { Account, Owner, SystemKind, Wallet } from "../domain/account.ts";
import type { Transfer, TransferType } from "../domain/transfer.ts";
import type { SystemBalance } from "../store/system-balances.ts";
import type { LogLine } from "../store/transaction-log.ts";

const systemCodes: Readonly<Record<SystemKind, SystemAccount>> = {
  top_ups: SystemAccount.TOP_UPS,
  promotions: SystemAccount.PROMOTIONS,
  gift_card_liability: SystemAccount.GIFT_CARD_LIABILITY,
  sales: SystemAccount.SALES,
};

const typeCodes: Readonly<Record<TransferType, TransferTypeCode>> = {
  charge: TransferTypeCode.CHARGE,
  gift_card_purchase: TransferTypeCode.GIFT_CARD_PURCHASE,
  gift_card_redeem: TransferTypeCode.GIFT_CARD_REDEEM,
  gift_card_return: TransferTypeCode.GIFT_CARD_RETURN,
  payment: TransferTypeCode.PAYMENT,
  refund: TransferTypeCode.REFUND,
};

const systemKindOf = invert(systemCodes);
const typeOf = invert(typeCodes);

/** Validation has seen to it that the code is one of these. */
export function readTransferType(code: TransferTypeCode): TransferType {
  return known(typeOf.get(code));
}

export function readOwner(reference: AccountReference | undefined): Owner {
  const owner = reference?.owner;
  if (owner?.case === "userId") return { kind: "wallet", userId: owner.value };
  return { kind: known(owner?.value === undefined ? undefined : systemKindOf.get(owner.value)) };
}

function accountReference({ owner }: Account): MessageInitShape<typeof AccountReferenceSchema> {
  return owner.kind === "wallet"
    ? { owner: { case: "userId", value: owner.userId } }
    : { owner: { case: "system", value: systemCodes[owner.kind] } };
}

export function walletShape({ id, owner, currency, balance }: Wallet): MessageInitShape<typeof WalletSchema> {
  return { id, userId: owner.userId, balance: { currencyCode: currency, minorUnits: balance } };
}

export function systemBalanceShape({
  kind,
  currency,
  balance,
}: SystemBalance): MessageInitShape<typeof SystemBalanceSchema> {
  return { account: systemCodes[kind], currencyCode: currency, minorUnits: String(balance) };
}

export function transferShape(transfer: Transfer): MessageInitShape<typeof TransferSchema> {
  const { id, number, debit, credit, amount, currency, type, reference, createdAt } = transfer;
  return {
    id,
    number,
    debit: accountReference(debit),
    credit: accountReference(credit),
    amount: { currencyCode: currency, minorUnits: amount },
    type: typeCodes[type],
    reference,
    createdAt: toTimestamp(createdAt),
    ...walletAfter("debitWallet", debit, transfer.debitBalanceAfter),
    ...walletAfter("creditWallet", credit, transfer.creditBalanceAfter),
  };
}

function walletAfter(name: "debitWallet" | "creditWallet", { id, owner, currency }: Account, balance?: bigint) {
  if (owner.kind !== "wallet" || balance === undefined) return {};
  return { [name]: { id, userId: owner.userId, balance: { currencyCode: currency, minorUnits: balance } } };
}

/** A line of a wallet's log, as its member sees it. */
export function transactionShape(
  line: Omit<LogLine, "walletId" | "sequence">,
): MessageInitShape<typeof TransactionSchema> {
  const { transferNumber, type, amount, balanceAfter, currency, reference, createdAt } = line;
  return {
    id: transferNumber,
    type: typeCodes[type],
    direction: amount > 0n ? Direction.CREDIT : Direction.DEBIT,
    amount: formatAmount(amount > 0n ? amount : -amount, currency),
    balanceAfter: formatAmount(balanceAfter, currency),
    currency,
    status: TransactionStatus.COMPLETED,
    reference,
    createdAt: toTimestamp(createdAt),
  };
}

/** The line that a transfer makes in the log of the wallet that it credits. */
export function creditLine(transfer: Transfer): Omit<LogLine, "walletId" | "sequence"> {
  const { number, currency, createdAt, type, amount, creditBalanceAfter, reference } = transfer;
  const balanceAfter = known(creditBalanceAfter);
  return { transferNumber: number, currency, createdAt, type, amount, balanceAfter, reference };
}

function invert<K extends string, V>(record: Readonly<Record<K, V>>): ReadonlyMap<V, K> {
  return new Map(Object.entries(record).map(([key, value]) => [value as V, key as K]));
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("A value that validation lets through is not known here");
  return value;
}
