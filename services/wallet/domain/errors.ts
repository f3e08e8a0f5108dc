import { formatAmount, mostMinorUnits } from "../../platform/money.ts";
import { Refusal } from "../../platform/refusal.ts";

/** Thrown when a transfer would take a wallet below zero. */
export class InsufficientBalance extends Refusal {
  constructor() {
    super("rule", { reason: "INSUFFICIENT_BALANCE", message: "Insufficient balance" });
  }
}

/** Thrown when a transfer would take a wallet above what a client can read: 2^53 - 1 minor units. */
export class BalanceLimitExceeded extends Refusal {
  constructor(currency: string) {
    super("rule", {
      reason: "BALANCE_LIMIT_EXCEEDED",
      message: `A wallet cannot hold more than ${formatAmount(mostMinorUnits, currency)} ${currency}`,
    });
  }
}

/** Thrown when a transfer id comes again with other content. */
export class TransferIdReused extends Refusal {
  constructor(id: string) {
    super("conflict", { reason: "TRANSFER_ID_REUSED", message: `Transfer ${id} has been made with other content` });
  }
}

/** Thrown when a transfer comes whose id has been voided: it never will be made. */
export class TransferVoided extends Refusal {
  constructor(id: string) {
    super("conflict", { reason: "TRANSFER_VOIDED", message: `Transfer ${id} has been voided` });
  }
}

/** Thrown when a transfer would go from an account to itself. */
export class SameAccount extends Refusal {
  constructor() {
    super("rule", { reason: "SAME_ACCOUNT", message: "Debit and credit must be different accounts" });
  }
}

/** Thrown when the payment provider does not approve a charge. */
export class ChargeDeclined extends Refusal {
  constructor() {
    super("rule", { reason: "CHARGE_DECLINED", message: "The charge was declined" });
  }
}
