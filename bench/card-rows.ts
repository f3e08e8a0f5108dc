import { pino } from "pino";
import { CardCodes } from "../services/gift-card/card-codes.ts";
import type { Card } from "../services/gift-card/domain/card.ts";
import { countChanges } from "../services/gift-card/domain/counters.ts";
import { begin, made } from "../services/gift-card/domain/steps.ts";
import { insertCards } from "../services/gift-card/store/cards.ts";
import { CardCounters } from "../services/gift-card/store/counters.ts";
import { CodeKeys } from "../services/platform/codes/code-keys.ts";
import { readConfig } from "../services/platform/config.ts";
import type { Database, Statement } from "../services/platform/database/database.ts";
import { openDatabase } from "../services/platform/database/open.ts";
import { upsertInto } from "../services/platform/database/statements.ts";
import { IdSequence } from "../services/platform/ids.ts";
import { type Instant, now } from "../services/platform/time.ts";
import { Ledger } from "../services/wallet/ledger.ts";
import { Accounts } from "../services/wallet/store/accounts.ts";
import { auditLedger } from "../services/wallet/store/audit.ts";
import { codeKey, currency, worth } from "./card-terms.ts";
import type { ShelvedCard } from "./shelf.ts";
import { adminId } from "./token-mint.ts";

const rowsInStatement = 500;
const rowsInTransaction = 10_000;
const transfersAtOnce = 4_096;
const year = 365n * 86_400_000_000n;

/**
 * Lays out cards in the databases of a mesh that runs, as if it had made them: each with a code of its own, counted, and
 * paid by the house's promotions; only that many are paid by one transfer. The mesh's own audits find nothing wrong.
 */
export class CardRows {
  private readonly holders: number;
  private readonly cards: Database;
  private readonly wallet: Database;
  private readonly ids: IdSequence;
  private readonly counters: CardCounters;
  private readonly ledger: Ledger;
  private readonly codes = new CardCodes(new CodeKeys("gift-card", [codeKey]));

  /** `environment` says where the mesh has its databases; cards are held by users from 1 on, so many, who can sign in then. */
  static async open(
    environment: Readonly<Record<string, string>>,
    holders: number,
    stack: AsyncDisposableStack,
  ): Promise<CardRows> {
    // The server takes 151 connections at first, most of which are for those who are measured.
    const config = readConfig({ ...environment, DATABASE_CONNECTIONS: "1" });
    const open = async (service: string) => {
      // The mesh has made its tables.
      const database = await openDatabase(service, [], config, pino({ level: "silent" }));
      stack.defer(() => database.close());
      return database;
    };
    const [profile, wallet, cards] = await Promise.all(["profile", "wallet", "gift-card"].map(open));
    if (!profile || !wallet || !cards) throw new Error("There is a database too few");
    await profile.commit(insertUsers(profile.dialect, holders));
    const accounts = new Accounts(wallet, new IdSequence(wallet, "accounts"));
    for (const ids of chunksOf(numbersTo(holders), rowsInStatement)) {
      await accounts.open(ids.map((id) => ({ owner: { kind: "wallet", userId: BigInt(id) }, currency })));
    }
    const ledger = new Ledger(wallet, accounts, new IdSequence(wallet, "transfers"));
    return new CardRows(holders, { cards, wallet }, ledger);
  }

  private constructor(
    holders: number,
    { cards, wallet }: { readonly cards: Database; readonly wallet: Database },
    ledger: Ledger,
  ) {
    this.holders = holders;
    this.cards = cards;
    this.wallet = wallet;
    this.ids = new IdSequence(cards, "cards");
    this.counters = new CardCounters(cards);
    this.ledger = ledger;
  }

  /** Lays out so many cards. */
  async layOut(count: number): Promise<ShelvedCard[]> {
    const shelved: ShelvedCard[] = [];
    while (shelved.length < count) {
      const ids = await this.ids.takeMany(Math.min(rowsInTransaction, count - shelved.length));
      const at = now();
      const cards = ids.map((id) => this.card(id, at));
      await this.pay(cards);
      await this.cards.commit([
        ...chunksOf(cards, rowsInStatement).map(insertCards),
        ...this.counters.adding(countChanges(cards.map((card) => [undefined, card]))),
      ]);
      for (const { id, sender } of cards) shelved.push({ id: Number(id), holderId: Number(sender.id) });
    }
    return shelved;
  }

  /** Has so many entries more in the wallets of the holders and of the house, two a transfer. */
  async layOutEntries(count: number): Promise<void> {
    for (let number = 0; number < count / 2; number += transfersAtOnce) {
      const numbers = Array.from({ length: Math.min(transfersAtOnce, count / 2 - number) }, (_, one) => number + one);
      await Promise.all(
        numbers.map((one) =>
          this.ledger.transfer({
            id: `bench-entry-${one}`,
            debit: { kind: "promotions" },
            credit: { kind: "wallet", userId: BigInt(1 + (one % this.holders)) },
            amount: 1n,
            currency,
            type: "charge",
            reference: "bench",
          }),
        ),
      );
    }
  }

  /** Throws where the books do not balance, however long it takes to see. */
  async checkLedger(): Promise<void> {
    const { differences } = await auditLedger(this.wallet);
    if (differences.length > 0) throw new Error(`The audit found ${JSON.stringify(differences)}`);
  }

  /** Forgets all cards, of which none may be worth anything any more. */
  async clear(): Promise<void> {
    const [live] = await this.cards.select({ sql: "SELECT id FROM cards WHERE state <> 'used' LIMIT 1", values: [] });
    if (live) throw new Error(`The card ${live.id} has not been redeemed`);
    // A server that deletes rows is at it long after it has answered.
    const forget = this.cards.dialect === "mysql" ? "TRUNCATE TABLE" : "DELETE FROM";
    const tables = ["cards", "card_counters"];
    await this.cards.commit(tables.map((table) => ({ sql: `${forget} ${table}`, values: [] })));
  }

  /** One that its maker holds, as it names nobody else. */
  private card(id: bigint, at: Instant): Card {
    const holderId = 1n + (id % BigInt(this.holders));
    const begun = begin(
      {
        id,
        requestId: undefined,
        batchId: undefined,
        giftType: "wallet",
        currency,
        amount: worth,
        goods: undefined,
        sender: { id: holderId, name: `user-${holderId}` },
        payerId: undefined,
        recipient: { name: undefined, email: undefined, number: undefined },
        backgroundColor: undefined,
        backgroundImageId: undefined,
        message: "Many happy returns!",
        notes: undefined,
        code: this.codes.seal(id, this.codes.newCode()),
        expiresAt: at + year,
      },
      at,
    );
    return made(begun, at).after;
  }

  private async pay(cards: readonly Card[]): Promise<void> {
    await this.ledger.transfer({
      id: `bench-${cards[0]?.id}`,
      debit: { kind: "promotions" },
      credit: { kind: "gift_card_liability" },
      amount: worth * BigInt(cards.length),
      currency,
      type: "gift_card_purchase",
      reference: "bench",
    });
  }
}

/** Users and an admin who cannot sign in with a password, but for those who are there already. */
function insertUsers(dialect: Database["dialect"], count: number): Statement[] {
  const columns = ["id", "username", "password_hash", "role", "created_at"];
  const at = now();
  const users = numbersTo(count).map((id) => [BigInt(id), `user-${id}`, "", "user", at] as const);
  const admin = [adminId, `admin-${adminId}`, "", "super_admin", at] as const;
  return chunksOf([...users, admin], rowsInStatement).map((rows) => {
    return upsertInto(dialect, "users", columns, rows, { key: ["id"], update: [] });
  });
}

/** From 1. */
function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function chunksOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}
