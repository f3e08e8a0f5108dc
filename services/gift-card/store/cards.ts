import type { Row, Statement } from "../../platform/database/database.ts";
import {
  type ColumnsOf,
  insertInto,
  placeholders,
  requireRows,
  rowsOf,
  updateChanged,
} from "../../platform/database/statements.ts";
import type {
  Card,
  CardOrder,
  CardState,
  CardTransaction,
  GiftType,
  Goods,
  RedemptionMethod,
  ReturnTarget,
} from "../domain/card.ts";
import { monthOf } from "../domain/counters.ts";
import { facetOf } from "../domain/facets.ts";

type Columns = ColumnsOf<Card>;

const fixed: Columns = {
  batch_id: (card) => card.batchId,
  gift_type: (card) => card.giftType,
  currency: (card) => card.currency,
  vendor_id: (card) => card.goods?.vendorId,
  product_id: (card) => card.goods?.productId,
  offer_id: (card) => card.goods?.offerId,
  price: (card) => card.goods?.price,
  payer_id: (card) => card.payerId,
  created_at: (card) => card.createdAt,
  made_month: (card) => monthOf(card.createdAt),
};

/** The code as it is sealed: another where the card goes to another address, or the same with another key. */
const sealed: Columns = {
  search_key: (card) => card.code.searchKey,
  search_key_id: (card) => card.code.searchKeyId,
  sealed_code: (card) => card.code.sealed,
  seal_key_id: (card) => card.code.sealKeyId,
  code_last4: (card) => card.code.last4,
};

/** What admins change. */
const amendable: Columns = {
  sender_id: (card) => card.sender.id,
  sender_name: (card) => card.sender.name,
  recipient_name: (card) => card.recipient.name,
  recipient_email: (card) => card.recipient.email,
  recipient_number: (card) => card.recipient.number,
  background_color: (card) => card.backgroundColor,
  background_image_id: (card) => card.backgroundImageId,
  message: (card) => card.message,
  notes: (card) => card.notes,
};

/** What a step may change. */
const stepped: Columns = {
  state: (card) => card.state,
  amount: (card) => card.amount,
  updated_at: (card) => card.updatedAt,
  method: (card) => card.method,
  attempt: (card) => card.attempt,
  request_id: (card) => card.requestId,
  facet: (card) => facetOf(card)?.number,
  email_facet: (card) => (card.recipient.email === undefined ? undefined : facetOf(card)?.number),
  number_facet: (card) => (card.recipient.number === undefined ? undefined : facetOf(card)?.number),
  vendor_facet: (card) => (card.goods === undefined ? undefined : facetOf(card)?.number),
  expires_at: (card) => card.expiresAt,
  redeemed_by: (card) => card.redeemedBy,
  redeemed_at: (card) => card.redeemedAt,
  redeemed_month: ({ redeemedAt }) => (redeemedAt === undefined ? undefined : monthOf(redeemedAt)),
  redeem_request_id: (card) => card.lastRequestId,
  transaction_id: (card) => card.transaction?.id,
  transaction_amount: (card) => card.transaction?.amount,
  transaction_at: (card) => card.transaction?.at,
  order_id: (card) => card.order?.id,
  order_placed_at: (card) => card.order?.placedAt,
  cancel_attempt: (card) => card.cancelAttempt,
  returning_to: (card) => card.returningTo,
  new_amount: (card) => card.newAmount,
  due_at: (card) => card.dueAt,
};

const changing: Columns = { ...sealed, ...amendable, ...stepped };

const all: Columns = { id: (card) => card.id, ...fixed, ...changing };

/** Every column of a card, for SELECT. */
export const cardColumns = Object.keys(all).join(", ");

/** Cards by id, in the order of their ids, locked where `lock` is FOR UPDATE. */
export function selectCards(ids: readonly bigint[], lock = ""): Statement {
  return {
    sql: `SELECT ${cardColumns} FROM cards WHERE id IN (${placeholders(ids.length)}) ORDER BY id${lock}`,
    values: ids,
  };
}

/** Cards by what asked for them. */
export function selectRequested(requestIds: readonly string[], lock = ""): Statement {
  return {
    sql: `SELECT ${cardColumns} FROM cards
          WHERE request_id IN (${placeholders(requestIds.length)}) ORDER BY id${lock}`,
    values: requestIds,
  };
}

/** Cards by what their code may be kept under. */
export function selectByCode(searchKeys: readonly Uint8Array[]): Statement {
  return {
    sql: `SELECT ${cardColumns} FROM cards WHERE search_key IN (${placeholders(searchKeys.length)})`,
    values: searchKeys,
  };
}

export function insertCards(cards: readonly Card[]): Statement {
  return insertInto("cards", Object.keys(all), rowsOf(all, cards));
}

/** Writes what has changed of cards that are there, and locked. A code that is not sealed anew keeps its very bytes. */
export function updateCards(changes: readonly (readonly [before: Card, after: Card])[]): Statement[] {
  return updateChanged("cards", changing, changes);
}

/** Columns of which one at least differs after every change of a card, one of its code's keys too. */
const telling = ["id", "state", "attempt", "updated_at", "due_at", "search_key_id", "seal_key_id"] as const;

/** Locks cards under way; fails for want of a value where one is not as it is here. */
export function requireCards(cards: readonly Card[]): Statement {
  const rows = cards.map(({ id, state, attempt, updatedAt, dueAt, code: { searchKeyId, sealKeyId } }) => {
    return [id, state, attempt, updatedAt, dueAt ?? null, searchKeyId, sealKeyId] as const;
  });
  return requireRows("cards", telling, rows);
}

export function cardOf(row: Row): Card {
  return {
    id: row.id as bigint,
    requestId: optional(row.request_id as string | null),
    batchId: optional(row.batch_id as bigint | null),
    state: row.state as CardState,
    giftType: row.gift_type as GiftType,
    currency: row.currency as string,
    amount: row.amount as bigint,
    goods: goodsOf(row),
    sender: { id: row.sender_id as bigint, name: row.sender_name as string },
    payerId: optional(row.payer_id as bigint | null),
    recipient: {
      name: optional(row.recipient_name as string | null),
      email: optional(row.recipient_email as string | null),
      number: optional(row.recipient_number as string | null),
    },
    backgroundColor: optional(row.background_color as string | null),
    backgroundImageId: optional(row.background_image_id as bigint | null),
    message: optional(row.message as string | null),
    notes: optional(row.notes as string | null),
    code: {
      searchKey: row.search_key as Uint8Array,
      searchKeyId: row.search_key_id as string,
      sealed: row.sealed_code as Uint8Array,
      sealKeyId: row.seal_key_id as string,
      last4: row.code_last4 as string,
    },
    expiresAt: optional(row.expires_at as bigint | null),
    createdAt: row.created_at as bigint,
    updatedAt: row.updated_at as bigint,
    method: row.method as RedemptionMethod,
    redeemedBy: optional(row.redeemed_by as bigint | null),
    redeemedAt: optional(row.redeemed_at as bigint | null),
    lastRequestId: optional(row.redeem_request_id as string | null),
    transaction: transactionOf(row),
    order: orderOf(row),
    attempt: row.attempt as bigint,
    cancelAttempt: row.cancel_attempt as bigint,
    returningTo: optional(row.returning_to as ReturnTarget | null),
    newAmount: optional(row.new_amount as bigint | null),
    dueAt: optional(row.due_at as bigint | null),
  };
}

function goodsOf(row: Row): Goods | undefined {
  if (row.product_id === null) return undefined;
  return {
    vendorId: row.vendor_id as bigint,
    productId: row.product_id as bigint,
    offerId: optional(row.offer_id as bigint | null),
    price: row.price as bigint,
  };
}

function transactionOf(row: Row): CardTransaction | undefined {
  if (row.transaction_id === null) return undefined;
  return {
    id: row.transaction_id as bigint,
    amount: row.transaction_amount as bigint,
    at: row.transaction_at as bigint,
  };
}

function orderOf(row: Row): CardOrder | undefined {
  if (row.order_id === null) return undefined;
  return { id: row.order_id as bigint, placedAt: row.order_placed_at as bigint };
}

function optional<T>(value: T | null): T | undefined {
  return value ?? undefined;
}
