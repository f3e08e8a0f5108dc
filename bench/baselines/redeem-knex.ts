import type { Knex } from "knex";
import { CardCodes } from "../../services/gift-card/card-codes.ts";
import { CodeKeys } from "../../services/platform/codes/code-keys.ts";
import { codeKey } from "../card-terms.ts";
import { type CardRow, shownCard } from "./card-shapes.ts";
import { createCardTables } from "./card-tables.ts";
import { answer, callerId, createFront, idOf, now, Refused, serveFront } from "./front.ts";
import { openDatabase } from "./knex-database.ts";
import { settings } from "./settings.ts";
import { inSteps, type Step } from "./steps.ts";

/**
 * Redeems as one would write them plainly with knex: one process, one database, and a transaction each that locks the card
 * and the wallet FOR UPDATE, and writes the transfer with its two entries, the event of it in an outbox, and what the
 * statistics say.
 *
 * It keeps what the contract says of a redeem: only holders and who gives the code may, makers of others' cards get 403 and
 * strangers 404; a card is redeemed once, in its time; codes are kept sealed, and shown. It has no idempotency keys, does
 * not count wrong codes, tells the sender nothing, and does nothing else with cards. All of that is in its favour.
 *
 * Stepwise, it takes the same steps as services that have a database each: the card is locked, the money moved, and the card
 * used, each in a transaction of its own, and no call between them. Nobody goes on with what a crash leaves, which is in its
 * favour too.
 */
const knex = await openDatabase(settings.store, settings.database);
await createCardTables(knex);
const codes = new CardCodes(new CodeKeys("gift-card", [codeKey]));
const [liabilityId = 0] = await knex("accounts").insert({ user_id: 0, currency: "SAR", balance: 0, sequence: 0 });

/** Who asks for a card. */
interface Asker {
  readonly id: number;
  readonly email: string | null;
  readonly phone: string | null;
  readonly searchKey: Uint8Array | undefined;
}

const app = await createFront();

app.post<{ Params: { id: string } }>("/api/user/v3.1/gift-cards/:id/redeem-wallet", async (request, reply) => {
  const id = idOf(request.params.id, "gift card id");
  const { code } = (request.body ?? {}) as { code?: string };
  const asker = await findAsker(callerId(request), code);
  const card = await inSteps(knex, (step) => redeem(step, id, asker));
  const shown = shownCard(card, codes.open(BigInt(id), { sealed: card.sealed_code, sealKeyId: codeKey.id }));
  return answer(reply, 200, "Gift card redeemed to wallet successfully", shown);
});

await serveFront(app);

async function findAsker(id: number, code: string | undefined): Promise<Asker> {
  const user = await knex("users").where({ id }).first();
  if (!user) throw new Refused(404, "USER_NOT_FOUND", "User not found");
  const [searchKey] = code === undefined ? [] : codes.searchKeys(code);
  return { id, email: user.verified_email, phone: user.verified_phone, searchKey };
}

async function redeem(step: Step, id: number, asker: Asker): Promise<CardRow> {
  const at = now();
  const card = await step((trx) => lock(trx, { id, asker, at }));
  const transactionId = await step((trx) => credit(trx, card, asker.id, at));
  return step(async (trx) => {
    const change = { status: "used", method: "wallet", redeemed_at: at, transaction_id: transactionId, updated_at: at };
    await trx("cards")
      .where({ id })
      .update({ ...change, redeemed_by: asker.id });
    const used = { ...card, ...change };
    const payload = JSON.stringify({ gift_card_id: id, user_id: asker.id, amount: card.amount, redeemed_at: at });
    await trx("outbox").insert({ subject: "gift-card.redeemed", payload, sent_at: 0 });
    await countRedeemed(trx, card, at);
    return used;
  });
}

/** Finds a card that can be redeemed, and locks it; stepwise, until it is redeemed. */
async function lock(trx: Knex.Transaction, { id, asker, at }: { id: number; asker: Asker; at: number }) {
  const card: CardRow | undefined = await trx("cards").where({ id }).forUpdate().first();
  if (!card) throw new Refused(404, "GIFT_CARD_NOT_FOUND", "Gift card not found");
  checkMayRedeem(card, asker);
  const isExpired = card.expires_at !== null && card.expires_at <= at;
  if (card.status !== "active" || card.gift_type !== "wallet" || isExpired) {
    throw new Refused(400, "GIFT_CARD_NOT_REDEEMABLE", "Gift card cannot be redeemed");
  }
  if (settings.stepwise) await trx("cards").where({ id }).update({ status: "redeeming" });
  return card;
}

function checkMayRedeem(card: CardRow, { id, email, phone, searchKey }: Asker): void {
  if (searchKey && card.search_key.equals(searchKey)) return;
  const { recipient_email, recipient_number, sender_id } = card;
  const isForAnother = recipient_email !== null || recipient_number !== null;
  const isRecipient =
    (recipient_email !== null && recipient_email === email) ||
    (recipient_number !== null && recipient_number === phone);
  if (isRecipient || (!isForAnother && sender_id === id)) return;
  if (sender_id === id) throw new Refused(403, "GIFT_CARD_NOT_YOURS", "This gift card is for somebody else");
  throw new Refused(404, "GIFT_CARD_NOT_FOUND", "Gift card not found");
}

/** Puts a card's value into a wallet; answers the transfer's number. */
async function credit(trx: Knex.Transaction, card: CardRow, userId: number, at: number): Promise<number> {
  const { id, amount } = card;
  const wallet = await trx("accounts").where({ user_id: userId }).forUpdate().first();
  if (!wallet) {
    if (settings.stepwise) await knex("cards").where({ id }).update({ status: "active" });
    throw new Refused(404, "WALLET_NOT_FOUND", "Wallet not found");
  }
  const balance = wallet.balance + amount;
  const sequence = wallet.sequence + 1;
  await trx("accounts").where({ id: wallet.id }).update({ balance, sequence });
  const [number = 0] = await trx("transfers").insert({
    id: `card-${id}-redeem`,
    debit_account_id: liabilityId,
    credit_account_id: wallet.id,
    amount,
    type: "gift_card_redeem",
    reference: `card-${id}`,
    created_at: at,
  });
  // The house's account has no running balance, which would be the one row that every redeem waits for.
  await trx("entries").insert([
    { account_id: liabilityId, sequence: number, transfer_number: number, amount: -amount, balance_after: null },
    { account_id: wallet.id, sequence, transfer_number: number, amount, balance_after: balance },
  ]);
  return number;
}

/** Last of all, since every redeem waits for these rows: statistics are to take the same time however many cards there are. */
async function countRedeemed(
  trx: Knex.Transaction,
  { currency, gift_type, amount }: CardRow,
  at: number,
): Promise<void> {
  for (const [status, count] of [
    ["active", -1],
    ["used", 1],
  ] as const) {
    await trx("card_statistics")
      .where({ currency, gift_type, status })
      .increment({ count, amount: count * amount });
  }
  const date = new Date(at / 1_000);
  const month = date.getUTCFullYear() * 100 + date.getUTCMonth() + 1;
  await trx("card_months")
    .insert({ currency, month, redeemed_count: 1, redeemed_amount: amount })
    .onConflict()
    .merge({
      redeemed_count: trx.raw("redeemed_count + 1"),
      redeemed_amount: trx.raw("redeemed_amount + ?", [amount]),
    });
}
