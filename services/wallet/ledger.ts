import type { Database, Row, Session } from "../platform/database/database.ts";
import { isDuplicateKey, isMissingValue } from "../platform/database/failures.ts";
import type { IdSequence } from "../platform/ids.ts";
import { Lane, type LaneObserver, type Outcome } from "../platform/lane.ts";
import { type Account, accountKey, isWallet, type Owner } from "./domain/account.ts";
import type { Fate, Transfer } from "./domain/transfer.ts";
import { RememberedWallets } from "./remembered-wallets.ts";
import { type AccountOwner, type Accounts, lockAccounts, selectAccounts, walletOf } from "./store/accounts.ts";
import { accountIdsOf, fateOf, selectTransfers } from "./store/transfers.ts";
import { type LedgerTransfer, type PreparedCommand, TransferBatch } from "./transfer-batch.ts";

/** Transfers are numbered so many at a time. */
export const transferNumbersAtOnce = 10_000n;

/** What the ledger's lane takes. */
type LedgerCommand =
  | { readonly kind: "transfer"; readonly transfer: LedgerTransfer }
  | { readonly kind: "void"; readonly id: string };

/** What a batch is about: its commands, the wallets that they name, and what locks these. */
interface Reach {
  readonly prepared: readonly PreparedCommand[];
  readonly walletIds: readonly bigint[];
  readonly forUpdate: string;
}

/** Moves money. Transfers that are asked for at the same time are decided in turn and committed together. */
export class Ledger {
  private readonly database: Database;
  private readonly accounts: Accounts;
  private readonly numbers: IdSequence;
  private readonly remembered = new RememberedWallets();
  private readonly lane: Lane<LedgerCommand, Fate>;

  constructor(database: Database, accounts: Accounts, numbers: IdSequence, observe?: LaneObserver) {
    this.database = database;
    this.accounts = accounts;
    this.numbers = numbers;
    this.lane = new Lane((commands, { forUpdate }) => this.commit(commands, forUpdate), { observe, database });
  }

  /** Makes a transfer, or answers the one of that id. Rejects with what refuses it, having moved nothing. */
  async transfer(transfer: LedgerTransfer, deadline?: number): Promise<Transfer> {
    const fate = await this.lane.submit({ kind: "transfer", transfer }, deadline);
    if (fate.kind === "voided") throw new Error("A transfer that is not refused has been made");
    return fate.transfer;
  }

  /**
   * Sees to it that a transfer which has not been made never will be. Answers the transfer where it has, and stays.
   *
   * A void takes the transfer's id, by the unique key of the transfers: of the two only one can ever be committed,
   * whichever replicas they are on and however late one of them comes.
   */
  async void(id: string, deadline?: number): Promise<Transfer | undefined> {
    const fate = await this.lane.submit({ kind: "void", id }, deadline);
    return fate.kind === "made" ? fate.transfer : undefined;
  }

  private async commit(commands: readonly LedgerCommand[], forUpdate: string): Promise<Outcome<Fate>[]> {
    const prepared = await this.prepare(commands);
    const walletIds = [...new Set(prepared.flatMap(walletIdsOf))].sort((a, b) => (a < b ? -1 : 1));
    try {
      const reach = { prepared, walletIds, forUpdate };
      return (await this.commitRemembered(reach)) ?? (await this.commitLocked(reach));
    } catch (error) {
      this.remembered.forget(walletIds);
      throw error;
    }
  }

  /**
   * One round trip: decides by the wallets as this process remembers them. That they are still so is held by the key of
   * the entries, (account, sequence): what another process has added since takes that place, and nothing is written. Nor
   * is it where the wallet's balance is another one, or there are fewer entries: a server that has taken the place of
   * another may not know of the last.
   * What is remembered may make a transfer, but never refuse one; and a void has to look what became of its id.
   * Undefined where it was of no use.
   */
  private async commitRemembered({ prepared, walletIds, forUpdate }: Reach): Promise<Outcome<Fate>[] | undefined> {
    if (walletIds.length === 0 || prepared.some(({ kind }) => kind === "void")) return undefined;
    const wallets = this.remembered.all(walletIds);
    if (!wallets) return undefined;
    const batch = new TransferBatch(wallets, new Map());
    const outcomes = prepared.map((one) => batch.decide(one));
    if (outcomes.some((outcome) => "refusal" in outcome)) return undefined;
    try {
      // The same locks in the same order as those who look first: no deadlock.
      await this.database.commit([lockAccounts(walletIds, forUpdate), ...batch.statements]);
    } catch (error) {
      if (!isDuplicateKey(error) && !isMissingValue(error)) throw error;
      this.remembered.mistrust(walletIds);
      return undefined;
    }
    this.remembered.remember(batch.changedWallets);
    return outcomes;
  }

  /** Two round trips: locks and reads the wallets, and looks for what became of the ids before. */
  private async commitLocked({ prepared, walletIds, forUpdate }: Reach): Promise<Outcome<Fate>[]> {
    const load = [
      ...(walletIds.length > 0 ? [selectAccounts(walletIds, forUpdate)] : []),
      // After the locks, so that a transfer of the same id that was under way is seen.
      selectTransfers([...new Set(prepared.map(idOf))]),
    ];
    const { outcomes, changed } = await this.database.batch(load, async (rows, session) => {
      const wallets = walletIds.length > 0 ? (rows[0] ?? []).map(walletOf) : [];
      const batch = new TransferBatch(wallets, await this.readFates(rows.at(-1) ?? [], session));
      const outcomes = prepared.map((one) => batch.decide(one));
      return { save: batch.statements, result: { outcomes, changed: batch.changedWallets } };
    });
    this.remembered.remember(changed);
    return outcomes;
  }

  private async prepare(commands: readonly LedgerCommand[]): Promise<PreparedCommand[]> {
    const accounts = await this.accounts.open(commands.flatMap(accountsOf));
    const numbers = await this.numbers.takeMany(commands.length);
    return commands.map((command, index) => {
      const number = numbers[index] as bigint;
      if (command.kind === "void") return { ...command, number };
      const { debit, credit, currency } = command.transfer;
      const opened = (owner: Owner) => openedOf(accounts, { owner, currency });
      return { ...command, debit: opened(debit), credit: opened(credit), number };
    });
  }

  private async readFates(rows: readonly Row[], session: Session): Promise<Map<string, Fate>> {
    const accounts = await this.accounts.ofIds(rows.flatMap(accountIdsOf), session);
    return new Map(rows.map((row) => [row.id as string, fateOf(row, accounts)]));
  }
}

function openedOf(accounts: ReadonlyMap<string, Account>, { owner, currency }: AccountOwner): Account {
  const account = accounts.get(accountKey(owner, currency));
  if (!account) throw new Error("An account that was just opened is not there");
  return account;
}

function accountsOf(command: LedgerCommand): AccountOwner[] {
  if (command.kind === "void") return [];
  const { debit, credit, currency } = command.transfer;
  return [
    { owner: debit, currency },
    { owner: credit, currency },
  ];
}

function walletIdsOf(prepared: PreparedCommand): bigint[] {
  return prepared.kind === "void" ? [] : [prepared.debit, prepared.credit].filter(isWallet).map(({ id }) => id);
}

function idOf(prepared: PreparedCommand): string {
  return prepared.kind === "void" ? prepared.id : prepared.transfer.id;
}
