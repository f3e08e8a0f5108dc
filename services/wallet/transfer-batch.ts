import type { Statement } from "../platform/database/database.ts";
import type { Outcome } from "../platform/lane.ts";
import { now } from "../platform/time.ts";
import type { Account, Wallet } from "./domain/account.ts";
import {
  decideTransfer,
  decideVoid,
  type Fate,
  type Transfer,
  type TransferCommand,
  type Void,
} from "./domain/transfer.ts";
import { updateWallets } from "./store/accounts.ts";
import { insertEntriesOf, insertTransfers, insertVoids } from "./store/transfers.ts";

/** A transfer to make, and what else is to be written if it is: in the same transaction, or not at all. */
export interface LedgerTransfer extends TransferCommand {
  readonly beside?: (transfer: Transfer) => readonly Statement[];
}

/** A transfer whose accounts are known, and the number that it is to have. */
export interface PreparedTransfer {
  readonly kind: "transfer";
  readonly transfer: LedgerTransfer;
  readonly debit: Account;
  readonly credit: Account;
  readonly number: bigint;
}

/** A void, and the number that it is to have. */
export interface PreparedVoid {
  readonly kind: "void";
  readonly id: string;
  readonly number: bigint;
}

export type PreparedCommand = PreparedTransfer | PreparedVoid;

/** The transfers and voids of one transaction, decided in turn: each sees what those before it did. */
export class TransferBatch {
  private readonly wallets: Map<bigint, Wallet>;
  private readonly fates: Map<string, Fate>;
  /** How many entries the wallets that are changed get, by their ids. */
  private readonly newEntries = new Map<bigint, bigint>();
  private readonly made: Transfer[] = [];
  private readonly voided: Void[] = [];
  private readonly beside: Statement[] = [];
  private readonly now = now();

  /** Wallets as they are, and what became of the ids before, by id. */
  constructor(wallets: Iterable<Wallet>, fates: ReadonlyMap<string, Fate>) {
    this.wallets = new Map(Array.from(wallets, (wallet) => [wallet.id, wallet]));
    this.fates = new Map(fates);
  }

  decide(command: PreparedCommand): Outcome<Fate> {
    switch (command.kind) {
      case "transfer":
        return this.transfer(command);
      case "void":
        return this.void(command);
      default:
        return command satisfies never;
    }
  }

  private transfer({ transfer: command, debit, credit, number }: PreparedTransfer): Outcome<Fate> {
    const decision = decideTransfer(command, {
      debit: this.wallets.get(debit.id) ?? debit,
      credit: this.wallets.get(credit.id) ?? credit,
      fate: this.fates.get(command.id),
      number,
      now: this.now,
    });
    switch (decision.kind) {
      case "refused":
        return { refusal: decision.refusal };
      case "made":
        for (const wallet of decision.wallets) {
          this.wallets.set(wallet.id, wallet);
          this.newEntries.set(wallet.id, (this.newEntries.get(wallet.id) ?? 0n) + 1n);
        }
        this.made.push(decision.transfer);
        break;
      case "made before":
        break;
      default:
        return decision satisfies never;
    }
    this.beside.push(...(command.beside?.(decision.transfer) ?? []));
    return this.answer(command.id, { kind: "made", transfer: decision.transfer });
  }

  private void({ id, number }: PreparedVoid): Outcome<Fate> {
    const decision = decideVoid(id, { fate: this.fates.get(id), number, now: this.now });
    switch (decision.kind) {
      case "voided":
        this.voided.push(decision.void);
        return this.answer(id, decision);
      case "decided before":
        return { answer: decision.fate };
      default:
        return decision satisfies never;
    }
  }

  private answer(id: string, fate: Fate): Outcome<Fate> {
    this.fates.set(id, fate);
    return { answer: fate };
  }

  /** What is to be written. */
  get statements(): Statement[] {
    const statements = [...this.beside];
    if (this.voided.length > 0) statements.push(insertVoids(this.voided));
    if (this.made.length > 0) statements.push(insertTransfers(this.made), ...insertEntriesOf(this.made));
    const byNewEntries = Map.groupBy(this.newEntries.keys(), (id) => this.newEntries.get(id) as bigint);
    for (const [newEntries, ids] of byNewEntries) statements.push(updateWallets(ids, newEntries));
    return statements;
  }

  /** The wallets that it changes, as they are once it is committed. */
  get changedWallets(): Wallet[] {
    return [...this.wallets.values()].filter((wallet) => this.newEntries.has(wallet.id));
  }
}
