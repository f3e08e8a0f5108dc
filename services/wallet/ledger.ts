import type { Database, Row, Statement } from "../platform/database/database.ts";
import type { IdSequence } from "../platform/ids.ts";
import { Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import { now } from "../platform/time.ts";
import { type Account, isWallet, type Wallet } from "./domain/account.ts";
import { decideTransfer, type Transfer, type TransferCommand } from "./domain/transfer.ts";
import { type Accounts, selectAccounts, updateWallets, walletOf } from "./store/accounts.ts";
import { accountIdsOf, insertEntriesOf, insertTransfers, selectTransfers, transferOf } from "./store/transfers.ts";

/** Transfers are numbered so many at a time. */
export const transferNumbersAtOnce = 10_000n;

/** A transfer to make, and what else is to be written if it is: in the same transaction, or not at all. */
export interface LedgerCommand extends TransferCommand {
  readonly beside?: (transfer: Transfer) => readonly Statement[];
}

/** A command whose accounts are known. */
interface Prepared {
  readonly command: LedgerCommand;
  readonly debit: Account;
  readonly credit: Account;
  readonly number: bigint;
}

/** Moves money. Transfers that are asked for at the same time are decided in turn and committed together. */
export class Ledger {
  private readonly database: Database;
  private readonly accounts: Accounts;
  private readonly numbers: IdSequence;
  private readonly lane: Lane<LedgerCommand, Transfer>;

  constructor(database: Database, accounts: Accounts, numbers: IdSequence, observe?: LaneObserver) {
    this.database = database;
    this.accounts = accounts;
    this.numbers = numbers;
    this.lane = new Lane((commands) => this.commit(commands), { observe });
  }

  /** Makes a transfer, or answers the one of that id. Rejects with what refuses it, having moved nothing. */
  transfer(command: LedgerCommand, deadline?: number): Promise<Transfer> {
    return this.lane.submit(command, deadline);
  }

  private async commit(commands: readonly LedgerCommand[]): Promise<Outcome<Transfer>[]> {
    const prepared = await this.prepare(commands);
    const { forUpdate } = this.database;
    const walletIds = [...new Set(prepared.flatMap(({ debit, credit }) => [debit, credit].filter(isWallet)))]
      .map((account) => account.id)
      .sort((a, b) => (a < b ? -1 : 1));
    const load = [
      ...(walletIds.length > 0 ? [selectAccounts(walletIds, forUpdate)] : []),
      // After the locks, so that a transfer of the same id that was under way is seen.
      selectTransfers([...new Set(commands.map((command) => command.id))]),
    ];
    return this.database.batch(load, async (rows) => {
      const wallets = walletIds.length > 0 ? (rows[0] ?? []).map(walletOf) : [];
      const batch = new Batch(wallets, await this.readMade(rows.at(-1) ?? []));
      const result = prepared.map((one) => batch.decide(one));
      return { save: batch.statements(), result };
    });
  }

  private async prepare(commands: readonly LedgerCommand[]): Promise<Prepared[]> {
    await this.accounts.open(
      commands.flatMap(({ debit, credit, currency }) => [
        { owner: debit, currency },
        { owner: credit, currency },
      ]),
    );
    const numbers = await this.numbers.takeMany(commands.length);
    return commands.map((command, index) => {
      const debit = this.accounts.remembered(command.debit, command.currency);
      const credit = this.accounts.remembered(command.credit, command.currency);
      if (!debit || !credit) throw new Error("An account that was just opened is not there");
      return { command, debit, credit, number: numbers[index] as bigint };
    });
  }

  private async readMade(rows: readonly Row[]): Promise<Map<string, Transfer>> {
    if (rows.length === 0) return new Map();
    const accounts = await this.accounts.ofIds(rows.flatMap(accountIdsOf));
    return new Map(rows.map((row) => [row.id as string, transferOf(row, accounts)]));
  }
}

/** The transfers of one transaction, decided in turn: each sees what those before it did. */
class Batch {
  private readonly wallets: Map<bigint, Wallet>;
  private readonly known: Map<string, Transfer>;
  private readonly changed = new Set<bigint>();
  private readonly made: Transfer[] = [];
  private readonly beside: Statement[] = [];
  private readonly now = now();

  constructor(wallets: readonly Wallet[], known: Map<string, Transfer>) {
    this.wallets = new Map(wallets.map((wallet) => [wallet.id, wallet]));
    this.known = known;
  }

  decide({ command, debit, credit, number }: Prepared): Outcome<Transfer> {
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

  statements(): Statement[] {
    const statements = [...this.beside];
    if (this.made.length === 0) return statements;
    statements.push(insertTransfers(this.made), ...insertEntriesOf(this.made));
    if (this.changed.size > 0) statements.push(updateWallets([...this.changed]));
    return statements;
  }
}
