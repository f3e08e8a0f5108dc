import type { Statement } from "../platform/database/database.ts";
import type { Outcome } from "../platform/lane.ts";
import { now } from "../platform/time.ts";
import type { Account, Wallet } from "./domain/account.ts";
import { decideTransfer, type Transfer, type TransferCommand } from "./domain/transfer.ts";
import { updateWallets } from "./store/accounts.ts";
import { insertEntriesOf, insertTransfers } from "./store/transfers.ts";

/** A transfer to make, and what else is to be written if it is: in the same transaction, or not at all. */
export interface LedgerCommand extends TransferCommand {
  readonly beside?: (transfer: Transfer) => readonly Statement[];
}

/** A command whose accounts are known, and the number that its transfer is to have. */
export interface PreparedCommand {
  readonly command: LedgerCommand;
  readonly debit: Account;
  readonly credit: Account;
  readonly number: bigint;
}

/** The transfers of one transaction, decided in turn: each sees what those before it did. */
export class TransferBatch {
  private readonly wallets: Map<bigint, Wallet>;
  private readonly known: Map<string, Transfer>;
  private readonly changed = new Set<bigint>();
  private readonly made: Transfer[] = [];
  private readonly beside: Statement[] = [];
  private readonly now = now();

  /** Wallets as they are, and the transfers that there are already, by id. */
  constructor(wallets: Iterable<Wallet>, known: Iterable<Transfer>) {
    this.wallets = new Map(Array.from(wallets, (wallet) => [wallet.id, wallet]));
    this.known = new Map(Array.from(known, (transfer) => [transfer.id, transfer]));
  }

  decide({ command, debit, credit, number }: PreparedCommand): Outcome<Transfer> {
    const decision = decideTransfer(command, {
      debit: this.wallets.get(debit.id) ?? debit,
      credit: this.wallets.get(credit.id) ?? credit,
      madeBefore: this.known.get(command.id),
      number,
      now: this.now,
    });
    switch (decision.kind) {
      case "refused":
        return { refusal: decision.refusal };
      case "made":
        for (const wallet of decision.wallets) {
          this.wallets.set(wallet.id, wallet);
          this.changed.add(wallet.id);
        }
        this.known.set(command.id, decision.transfer);
        this.made.push(decision.transfer);
        break;
      case "made before":
        break;
      default:
        return decision satisfies never;
    }
    this.beside.push(...(command.beside?.(decision.transfer) ?? []));
    return { answer: decision.transfer };
  }

  /** What is to be written. */
  get statements(): Statement[] {
    if (this.made.length === 0) return this.beside;
    const statements = [...this.beside, insertTransfers(this.made), ...insertEntriesOf(this.made)];
    if (this.changed.size > 0) statements.push(updateWallets([...this.changed]));
    return statements;
  }

  /** The wallets that it changes, as they are once it is committed. */
  get changedWallets(): Wallet[] {
    return [...this.wallets.values()].filter((wallet) => this.changed.has(wallet.id));
  }
}
