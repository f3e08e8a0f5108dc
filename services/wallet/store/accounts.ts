import type { Database, Row, Session, Statement } from "../../platform/database/database.ts";
import { placeholders, upsertInto } from "../../platform/database/statements.ts";
import type { IdSequence } from "../../platform/ids.ts";
import { now } from "../../platform/time.ts";
import { type Account, accountKey, type Owner, type SystemKind, type Wallet } from "../domain/account.ts";

const columns = ["id", "user_id", "kind", "currency", "balance", "sequence", "last_entry_at", "created_at"] as const;

/** Accounts whose identity is remembered; it never changes. */
const usuallyRemembered = 200_000;

/** One account that is wanted. */
export interface AccountOwner {
  readonly owner: Owner;
  readonly currency: string;
}

/** Which accounts there are. */
export class Accounts {
  private readonly database: Database;
  private readonly ids: IdSequence;
  private readonly mostRemembered: number;
  private readonly byKey = new Map<string, Account>();
  private readonly byId = new Map<bigint, Account>();

  constructor(database: Database, ids: IdSequence, mostRemembered = usuallyRemembered) {
    this.database = database;
    this.ids = ids;
    this.mostRemembered = mostRemembered;
  }

  /** An account that has been found or opened by this process before, and is still remembered. */
  remembered(owner: Owner, currency: string): Account | undefined {
    return this.byKey.get(accountKey(owner, currency));
  }

  /** Sees to it that all these are open; answers them by their keys. Opening one that is open changes nothing. */
  async open(wanted: readonly AccountOwner[]): Promise<ReadonlyMap<string, Account>> {
    // Kept apart from what is remembered: while others are looked for, that may be forgotten.
    const opened = new Map<string, Account>();
    for (const { owner, currency } of wanted) keep(opened, this.remembered(owner, currency));
    const unknown = notIn(opened, wanted);
    if (unknown.length === 0) return opened;
    for (const account of await this.find(unknown)) keep(opened, account);
    const unopened = notIn(opened, unknown);
    if (unopened.length === 0) return opened;
    const statement = await this.opening(unopened);
    await this.database.write([statement]);
    for (const account of await this.find(unopened)) keep(opened, account);
    return opened;
  }

  /** A statement that opens accounts; those that are open stay as they are. */
  async opening(accounts: readonly AccountOwner[]): Promise<Statement> {
    const ids = await this.ids.takeMany(accounts.length);
    const at = now();
    const rows = accounts.map(({ owner, currency }, index) => {
      return [ids[index] as bigint, userIdOf(owner), owner.kind, currency, 0n, 0n, 0n, at] as const;
    });
    return upsertInto(this.database.dialect, "accounts", columns, rows, {
      key: ["user_id", "kind", "currency"],
      update: [],
    });
  }

  /** The accounts of these ids that are there, by id; looked up in a session where one is open. */
  async ofIds(ids: readonly bigint[], session?: Session): Promise<ReadonlyMap<bigint, Account>> {
    const remembered = [...new Set(ids)].map((id) => [id, this.byId.get(id)] as const);
    const found = new Map(remembered.flatMap(([id, account]) => (account ? [[id, account] as const] : [])));
    const unknown = remembered.filter(([, account]) => !account).map(([id]) => id);
    if (unknown.length === 0) return found;
    const statement = selectAccounts(unknown, "");
    const rows = session ? (await session.run([statement]))[0] : await this.database.select(statement);
    for (const account of this.rememberAll(rows ?? [])) found.set(account.id, account);
    return found;
  }

  /** A user's wallets, by currency. */
  async walletsOf(userId: bigint): Promise<Wallet[]> {
    const rows = await this.database.select({
      sql: `SELECT ${columns.join(", ")} FROM accounts WHERE user_id = ? AND kind = 'wallet' ORDER BY currency`,
      values: [userId],
    });
    return rows.map(walletOf);
  }

  async wallet(id: bigint): Promise<Wallet | undefined> {
    const [row] = await this.database.select(selectAccounts([id], ""));
    return row?.kind === "wallet" ? walletOf(row) : undefined;
  }

  private async find(wanted: readonly AccountOwner[]): Promise<Account[]> {
    const rows = await this.database.select({
      sql: `SELECT ${columns.join(", ")} FROM accounts WHERE ${wanted
        .map(() => "(user_id = ? AND kind = ? AND currency = ?)")
        .join(" OR ")}`,
      values: wanted.flatMap(({ owner, currency }) => [userIdOf(owner), owner.kind, currency]),
    });
    return this.rememberAll(rows);
  }

  private rememberAll(rows: readonly Row[]): Account[] {
    const accounts = rows.map(accountOf);
    for (const account of accounts) this.remember(account);
    return accounts;
  }

  private remember(account: Account): void {
    if (this.byId.size >= this.mostRemembered) {
      this.byId.clear();
      this.byKey.clear();
    }
    this.byId.set(account.id, account);
    this.byKey.set(accountKey(account.owner, account.currency), account);
  }
}

function keep(accounts: Map<string, Account>, account: Account | undefined): void {
  if (account) accounts.set(accountKey(account.owner, account.currency), account);
}

/** Those that are not among some accounts, each once. */
function notIn(accounts: ReadonlyMap<string, Account>, wanted: readonly AccountOwner[]): AccountOwner[] {
  const byKey = new Map(wanted.map((one) => [accountKey(one.owner, one.currency), one]));
  return [...byKey].filter(([key]) => !accounts.has(key)).map(([, one]) => one);
}

/** Accounts by id, in the order that every transaction locks them. */
export function selectAccounts(ids: readonly bigint[], forUpdate: string): Statement {
  return {
    sql: `SELECT ${columns.join(", ")} FROM accounts WHERE id IN (${placeholders(ids.length)}) ORDER BY id${forUpdate}`,
    values: ids,
  };
}

/** Locks accounts, in the order that every transaction locks them. */
export function lockAccounts(ids: readonly bigint[], forUpdate: string): Statement {
  return {
    sql: `SELECT id FROM accounts WHERE id IN (${placeholders(ids.length)}) ORDER BY id${forUpdate}`,
    values: ids,
  };
}

/**
 * Brings locked wallets to what the last entry says that a batch has made for each: found by its key, in the same time
 * however many entries there are. Those with as many new entries are brought there together. Fails for want of a balance
 * where the first of them does not go on from the wallet as it is.
 */
export function updateWallets(ids: readonly bigint[], newEntries: bigint): Statement {
  return {
    // MySQL assigns from left to right: what is asked of the sequence before it is changed is its old value everywhere.
    sql: `UPDATE accounts SET
            balance = (SELECT newest.balance_after FROM entries oldest JOIN entries newest
              ON newest.account_id = oldest.account_id AND newest.sequence = oldest.sequence + ?
              WHERE oldest.account_id = accounts.id AND oldest.sequence = accounts.sequence + 1
              AND oldest.balance_after - oldest.amount = accounts.balance),
            last_entry_at = (SELECT newest.created_at FROM entries newest
              WHERE newest.account_id = accounts.id AND newest.sequence = accounts.sequence + ?),
            sequence = sequence + ?
          WHERE id IN (${placeholders(ids.length)})`,
    values: [newEntries - 1n, newEntries, newEntries, ...ids],
  };
}

export function walletOf(row: Row): Wallet {
  return {
    ...(accountOf(row) as Pick<Wallet, "id" | "owner" | "currency">),
    balance: row.balance as bigint,
    sequence: row.sequence as bigint,
    lastEntryAt: row.last_entry_at as bigint,
  };
}

function accountOf(row: Row): Account {
  const kind = row.kind as "wallet" | SystemKind;
  return {
    id: row.id as bigint,
    owner: kind === "wallet" ? { kind, userId: row.user_id as bigint } : { kind },
    currency: row.currency as string,
  };
}

function userIdOf(owner: Owner): bigint {
  return owner.kind === "wallet" ? owner.userId : 0n;
}
