import { mostMinorUnits } from "../../platform/money.ts";
import type { Refusal } from "../../platform/refusal.ts";
import { type Account, isWallet, type Owner, type Wallet } from "./account.ts";
import { BalanceLimitExceeded, InsufficientBalance, SameAccount, TransferIdReused, TransferVoided } from "./errors.ts";

/** Why money moved. */
export type TransferType =
  | "charge"
  | "gift_card_purchase"
  | "gift_card_redeem"
  | "gift_card_return"
  | "payment"
  | "refund";

/** A transfer that somebody wants made. */
export interface TransferCommand {
  /** Made by the caller: the same id is the same transfer, however often it is asked for. */
  readonly id: string;
  readonly debit: Owner;
  readonly credit: Owner;
  /** Minor units, above zero. */
  readonly amount: bigint;
  /** ISO 4217. */
  readonly currency: string;
  readonly type: TransferType;
  readonly reference: string;
}

/** A transfer that was made. */
export interface Transfer {
  readonly id: string;
  /** The ledger's own number of it. */
  readonly number: bigint;
  readonly debit: Account;
  readonly credit: Account;
  readonly amount: bigint;
  readonly currency: string;
  readonly type: TransferType;
  readonly reference: string;
  /** Microseconds since 1970. */
  readonly createdAt: bigint;
  /** Where its entries stand: in a wallet from 1 without a gap, in the house's own accounts its own number. */
  readonly debitSequence: bigint;
  readonly creditSequence: bigint;
  /** The wallet's balance right after it; undefined for the house's own accounts. */
  readonly debitBalanceAfter: bigint | undefined;
  readonly creditBalanceAfter: bigint | undefined;
}

/** Says of a transfer's id that it never will be made. */
export interface Void {
  /** The id that it takes from the transfer. */
  readonly id: string;
  /** The ledger's own number of it, from those of the transfers. */
  readonly number: bigint;
  /** Microseconds since 1970. */
  readonly createdAt: bigint;
}

/** What became of a transfer's id, for good: whichever came first, the transfer or its void, has taken it. */
export type Fate =
  | { readonly kind: "made"; readonly transfer: Transfer }
  | { readonly kind: "voided"; readonly void: Void };

/** What a transfer did to one account: credits above zero, debits below. Both entries of a transfer sum to zero. */
export interface Entry {
  readonly accountId: bigint;
  /** From 1 without a gap in a wallet; the transfer's number in the house's own accounts, which nobody waits for. */
  readonly sequence: bigint;
  readonly transferNumber: bigint;
  readonly amount: bigint;
  readonly balanceAfter: bigint | undefined;
  readonly type: TransferType;
  readonly createdAt: bigint;
}

export type TransferDecision =
  | {
      readonly kind: "made";
      readonly transfer: Transfer;
      /** The wallets among its accounts, as they are after it. */
      readonly wallets: readonly Wallet[];
    }
  | { readonly kind: "made before"; readonly transfer: Transfer }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What a decision rests on. */
export interface TransferFacts {
  readonly debit: Account | Wallet;
  readonly credit: Account | Wallet;
  /** What became of that id before, if anything did. */
  readonly fate: Fate | undefined;
  /** The number it is to have. */
  readonly number: bigint;
  /** This instant, in microseconds since 1970. */
  readonly now: bigint;
}

/** Decides one transfer. */
export function decideTransfer(command: TransferCommand, facts: TransferFacts): TransferDecision {
  const { debit, credit, fate, number } = facts;
  if (fate) return decideAgain(command, fate, facts);
  if (debit.id === credit.id) return { kind: "refused", refusal: new SameAccount() };

  // A wallet's log never goes back in time, whichever machine's clock is behind.
  const createdAt = latest(facts.now, lastEntryAt(debit), lastEntryAt(credit));
  const debited = post(debit, -command.amount, createdAt);
  const credited = post(credit, command.amount, createdAt);
  if (isWallet(debited) && debited.balance < 0n) return { kind: "refused", refusal: new InsufficientBalance() };
  if (isWallet(credited) && credited.balance > mostMinorUnits) {
    return { kind: "refused", refusal: new BalanceLimitExceeded(command.currency) };
  }

  const { id, amount, currency, type, reference } = command;
  const transfer: Transfer = {
    id,
    number,
    debit: identityOf(debit),
    credit: identityOf(credit),
    amount,
    currency,
    type,
    reference,
    createdAt,
    debitSequence: sequenceOf(debited, number),
    debitBalanceAfter: balanceOf(debited),
    creditSequence: sequenceOf(credited, number),
    creditBalanceAfter: balanceOf(credited),
  };
  return { kind: "made", transfer, wallets: [debited, credited].filter(isWallet) };
}

/** What a void rests on. */
export type VoidFacts = Pick<TransferFacts, "fate" | "number" | "now">;

export type VoidDecision =
  | { readonly kind: "voided"; readonly void: Void }
  | { readonly kind: "decided before"; readonly fate: Fate };

/** Decides one void. A transfer that was made stays. */
export function decideVoid(id: string, { fate, number, now }: VoidFacts): VoidDecision {
  return fate ? { kind: "decided before", fate } : { kind: "voided", void: { id, number, createdAt: now } };
}

/** The id is taken, so whatever is decided of it has been decided. */
function decideAgain(command: TransferCommand, fate: Fate, facts: TransferFacts): TransferDecision {
  switch (fate.kind) {
    case "voided":
      return { kind: "refused", refusal: new TransferVoided(command.id) };
    case "made":
      return isSameTransfer(command, fate.transfer, facts)
        ? { kind: "made before", transfer: fate.transfer }
        : { kind: "refused", refusal: new TransferIdReused(command.id) };
    default:
      return fate satisfies never;
  }
}

function isSameTransfer(command: TransferCommand, made: Transfer, { debit, credit }: TransferFacts): boolean {
  return (
    made.debit.id === debit.id &&
    made.credit.id === credit.id &&
    made.amount === command.amount &&
    made.currency === command.currency &&
    made.type === command.type &&
    made.reference === command.reference
  );
}

function post(account: Account | Wallet, amount: bigint, createdAt: bigint): Account | Wallet {
  if (!isWallet(account)) return account;
  return {
    ...account,
    balance: account.balance + amount,
    sequence: account.sequence + 1n,
    lastEntryAt: createdAt,
  };
}

/** The house's own accounts count nothing, so that nobody waits for them. */
function sequenceOf(account: Account | Wallet, number: bigint): bigint {
  return isWallet(account) ? account.sequence : number;
}

function identityOf({ id, owner, currency }: Account): Account {
  return { id, owner, currency };
}

function balanceOf(account: Account | Wallet): bigint | undefined {
  return isWallet(account) ? account.balance : undefined;
}

function lastEntryAt(account: Account | Wallet): bigint {
  return isWallet(account) ? account.lastEntryAt : 0n;
}

function latest(...instants: readonly bigint[]): bigint {
  return instants.reduce((a, b) => (a > b ? a : b));
}
