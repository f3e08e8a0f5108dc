/** The house's own accounts, one of each for every currency. */
export type SystemKind = "top_ups" | "promotions" | "gift_card_liability" | "sales";

/** Whose an account is. */
export type Owner = { readonly kind: "wallet"; readonly userId: bigint } | { readonly kind: SystemKind };

/** What never changes of an account. */
export interface Account {
  readonly id: bigint;
  readonly owner: Owner;
  /** ISO 4217. */
  readonly currency: string;
}

/** A user's account, with what changes. Never below zero. */
export interface Wallet extends Account {
  readonly owner: { readonly kind: "wallet"; readonly userId: bigint };
  /** Minor units. */
  readonly balance: bigint;
  /** Entries so far; the last one's sequence. */
  readonly sequence: bigint;
  /** When the last entry was made, in microseconds since 1970; 0 before the first. */
  readonly lastEntryAt: bigint;
}

/** One account of an owner, as a key: `wallet:17:SAR`, `sales:0:SAR`. */
export function accountKey(owner: Owner, currency: string): string {
  return `${owner.kind}:${owner.kind === "wallet" ? owner.userId : 0n}:${currency}`;
}

export function isWallet(account: Account): account is Wallet {
  return account.owner.kind === "wallet";
}
