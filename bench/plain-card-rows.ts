import type { Knex } from "knex";
import { CardCodes } from "../services/gift-card/card-codes.ts";
import { CodeKeys } from "../services/platform/codes/code-keys.ts";
import { codeKey, currency, worth } from "./card-terms.ts";
import type { ShelvedCard } from "./shelf.ts";

const rowsInStatement = 500;
const yearUs = 365 * 86_400_000_000;

/** Lays out cards in the one database of a baseline. */
export class PlainCardRows {
  private readonly knex: Knex;
  private readonly holders: number;
  private readonly codes = new CardCodes(new CodeKeys("gift-card", [codeKey]));
  private lastId = 0;

  /** Cards are held by users from 1 on, so many. */
  static async open(knex: Knex, holders: number): Promise<PlainCardRows> {
    const ids = Array.from({ length: holders }, (_, index) => index + 1);
    const wallet = { currency, balance: 0, sequence: 0 };
    await knex.batchInsert(
      "users",
      ids.map((id) => ({ id, name: `user-${id}` })),
      rowsInStatement,
    );
    await knex.batchInsert(
      "accounts",
      ids.map((id) => ({ user_id: id, ...wallet })),
      rowsInStatement,
    );
    const counter = { currency, gift_type: "wallet", count: 0, amount: 0 };
    await knex("card_statistics").insert(["active", "used"].map((status) => ({ ...counter, status })));
    return new PlainCardRows(knex, holders);
  }

  private constructor(knex: Knex, holders: number) {
    this.knex = knex;
    this.holders = holders;
  }

  /** Lays out so many cards. */
  async layOut(count: number): Promise<ShelvedCard[]> {
    const at = Date.now() * 1_000;
    const rows = Array.from({ length: count }, () => this.row(++this.lastId, at));
    await this.knex.batchInsert("cards", rows, rowsInStatement);
    await this.knex("card_statistics")
      .where({ currency, gift_type: "wallet", status: "active" })
      .increment({ count, amount: count * Number(worth) });
    return rows.map(({ id, sender_id: holderId }) => ({ id, holderId }));
  }

  /** One that its maker holds, as it names nobody else. */
  private row(id: number, at: number) {
    const holderId = 1 + (id % this.holders);
    const { searchKey, sealed, last4 } = this.codes.seal(BigInt(id), this.codes.newCode());
    return {
      id,
      gift_type: "wallet",
      currency,
      amount: Number(worth),
      search_key: searchKey,
      sealed_code: sealed,
      code_last4: last4,
      sender_id: holderId,
      sender_name: `user-${holderId}`,
      message: "Many happy returns!",
      status: "active",
      method: "pending",
      expires_at: at + yearUs,
      created_at: at,
      updated_at: at,
    };
  }
}
