import type { Wallet } from "./domain/account.ts";

/** Wallets that are remembered at once. */
const mostRemembered = 100_000;

/** How many transactions take no wallet as remembered after one has found that it was not so any more. */
const carefulTransactions = 100;

/**
 * Wallets as this process has last left them. Another process may have changed one since: whoever goes by what is
 * remembered must make sure of it in the transaction that rests on it, and tell when it was not so.
 */
export class RememberedWallets {
  private readonly wallets = new Map<bigint, Wallet>();
  private careful = 0;

  /** All of these; undefined where one is not remembered, or where it is better to look. */
  all(ids: readonly bigint[]): Wallet[] | undefined {
    if (this.careful > 0) {
      this.careful--;
      return undefined;
    }
    const found: Wallet[] = [];
    for (const id of ids) {
      const wallet = this.wallets.get(id);
      if (!wallet) return undefined;
      found.push(wallet);
    }
    return found;
  }

  remember(wallets: readonly Wallet[]): void {
    if (this.wallets.size + wallets.length > mostRemembered) this.wallets.clear();
    for (const wallet of wallets) this.wallets.set(wallet.id, wallet);
  }

  /** What becomes of these is not known. */
  forget(ids: readonly bigint[]): void {
    for (const id of ids) this.wallets.delete(id);
  }

  /** These were not as remembered: others work on them too. */
  mistrust(ids: readonly bigint[]): void {
    this.forget(ids);
    this.careful = carefulTransactions;
  }
}
