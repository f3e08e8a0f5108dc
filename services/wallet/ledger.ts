import type { Database, Row, Session } from "../platform/database/database.ts";
import { isDuplicateKey } from "../platform/database/failures.ts";
import type { IdSequence } from "../platform/ids.ts";
import { Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import { isWallet } from "./domain/account.ts";
import type { Transfer } from "./domain/transfer.ts";
import { RememberedWallets } from "./remembered-wallets.ts";
import { type Accounts, lockAccounts, selectAccounts, walletOf } from "./store/accounts.ts";
import { accountIdsOf, selectTransfers, transferOf } from "./store/transfers.ts";
import { type LedgerCommand, type PreparedCommand, TransferBatch } from "./transfer-batch.ts";

/** Transfers are numbered so many at a time. */
export const transferNumbersAtOnce = 10_000n;

/** Moves money. Transfers that are asked for at the same time are decided in turn and committed together. */
export class Ledger {
  private readonly database: Database;
  private readonly accounts: Accounts;
  private readonly numbers: IdSequence;
  private readonly remembered = new RememberedWallets();
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
    const walletIds = [...new Set(prepared.flatMap(({ debit, credit }) => [debit, credit].filter(isWallet)))]
      .map((account) => account.id)
      .sort((a, b) => (a < b ? -1 : 1));
    try {
      return (await this.commitRemembered(prepared, walletIds)) ?? (await this.commitLocked(prepared, walletIds));
    } catch (error) {
      this.remembered.forget(walletIds);
      throw error;
    }
  }

  /**
   * One round trip: decides by the wallets as this process remembers them. That they are still so is held by the key of
   * the entries, (account, sequence): what another process has added since takes that place, and nothing is written.
   * What is remembered may make a transfer, but never refuse one. Undefined where it was of no use.
   */
  private async commitRemembered(
    prepared: readonly PreparedCommand[],
    walletIds: readonly bigint[],
  ): Promise<Outcome<Transfer>[] | undefined> {
    const wallets = walletIds.length > 0 ? this.remembered.all(walletIds) : undefined;
    if (!wallets) return undefined;
    const batch = new TransferBatch(wallets, []);
    const outcomes = prepared.map((one) => batch.decide(one));
    if (outcomes.some((outcome) => "refusal" in outcome)) return undefined;
    try {
      // The same locks in the same order as those who look first: no deadlock.
      await this.database.commit([lockAccounts(walletIds, this.database.forUpdate), ...batch.statements]);
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      this.remembered.mistrust(walletIds);
      return undefined;
    }
    this.remembered.remember(batch.changedWallets);
    return outcomes;
  }

  /** Two round trips: locks and reads the wallets, and looks for transfers of the same ids. */
  private async commitLocked(
    prepared: readonly PreparedCommand[],
    walletIds: readonly bigint[],
  ): Promise<Outcome<Transfer>[]> {
    const load = [
      ...(walletIds.length > 0 ? [selectAccounts(walletIds, this.database.forUpdate)] : []),
      // After the locks, so that a transfer of the same id that was under way is seen.
      selectTransfers([...new Set(prepared.map(({ command }) => command.id))]),
    ];
    const { outcomes, changed } = await this.database.batch(load, async (rows, session) => {
      const wallets = walletIds.length > 0 ? (rows[0] ?? []).map(walletOf) : [];
      const batch = new TransferBatch(wallets, await this.readMade(rows.at(-1) ?? [], session));
      const outcomes = prepared.map((one) => batch.decide(one));
      return { save: batch.statements, result: { outcomes, changed: batch.changedWallets } };
    });
    this.remembered.remember(changed);
    return outcomes;
  }

  private async prepare(commands: readonly LedgerCommand[]): Promise<PreparedCommand[]> {
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

  private async readMade(rows: readonly Row[], session: Session): Promise<Transfer[]> {
    if (rows.length === 0) return [];
    const accounts = await this.accounts.ofIds(rows.flatMap(accountIdsOf), session);
    return rows.map((row) => transferOf(row, accounts));
  }
}
