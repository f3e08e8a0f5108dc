import test from "ava";
import { NotFound, Unavailable } from "../../platform/refusal.ts";
import { cardStates, cardWith, orderCardWith } from "../testing/cards.ts";
import { type Amendment, amend, endingFor } from "./amending.ts";
import { type Card, statusOf } from "./card.ts";
import { GiftCardFinal } from "./errors.ts";
import { letterOfReaddressed } from "./letter.ts";

const at = 1_000_000n;
const anything = {
  giftType: undefined,
  currency: undefined,
  vendorId: undefined,
  productId: undefined,
  offerId: undefined,
};
const amendment = (changes: Partial<Amendment> = {}): Amendment => ({
  purpose: anything,
  looks: {},
  recipient: {},
  expiresAt: undefined,
  ...changes,
});

test("what is named is written, and what is not stays", (t) => {
  const card = cardWith({ state: "active", message: "Hi", notes: "One" });
  const looks = { message: "Hello", notes: undefined };
  const { kind, after: amended } = amend(card, amendment({ looks, recipient: { name: "Janet" } }), at);
  t.is(kind, "taken");
  t.deepEqual(amended, { ...card, ...looks, recipient: { ...card.recipient, name: "Janet" }, updatedAt: at });
});

test("naming what is so already changes nothing", (t) => {
  const card = cardWith({ state: "active", message: "Hi", expiresAt: 9n * at });
  const same = amendment({ looks: { message: "Hi" }, recipient: { ...card.recipient }, expiresAt: 9n * at });
  t.deepEqual(amend(card, same, at), { kind: "as it is", after: card });
});

test("who readdresses a card twice within a tick of the clock has a letter sent for each", (t) => {
  const card = cardWith({ state: "active" });
  const to = (card: Card, email: string) => amend(card, amendment({ recipient: { email } }), at).after;
  const once = to(card, "first@example.com");
  const twice = to(once, "second@example.com");
  const back = to(twice, "first@example.com");
  const letters = [letterOfReaddressed(card, once), letterOfReaddressed(once, twice), letterOfReaddressed(twice, back)];
  t.is(new Set(letters.map((letter) => letter?.id)).size, 3);
});

test("an active card's time can be changed, and then it is seen to", (t) => {
  const card = cardWith({ state: "active" });
  const { after: amended } = amend(card, amendment({ expiresAt: 9n * at }), at);
  t.like(amended, { expiresAt: 9n * at, dueAt: 9n * at });
  t.throws(() => amend({ ...card, expiresAt: at }, amendment({ expiresAt: 9n * at }), at), {
    instanceOf: GiftCardFinal,
  });
});

for (const state of cardStates) {
  const card = cardWith({ state, expiresAt: 5n * at });
  const isThere = statusOf(card) !== undefined;
  test(`a card that is ${state} ${isThere ? "can" : "cannot"} be written on`, (t) => {
    const write = () => amend(card, amendment({ looks: { notes: "Seen" } }), at);
    if (isThere) t.is(write().after.notes, "Seen");
    else t.throws(write, { instanceOf: NotFound });
  });

  test(`the time of a card that is ${state} ${state === "active" ? "can" : "cannot"} be changed`, (t) => {
    const change = () => amend(card, amendment({ expiresAt: 9n * at }), at);
    if (state === "active") t.is(change().kind, "taken");
    else if (state === "changing") t.throws(change, { instanceOf: Unavailable }, "it is active again soon");
    else t.throws(change, { instanceOf: isThere ? GiftCardFinal : NotFound });
  });
}

test("what a card is good for stays what it is", (t) => {
  const card: Card = orderCardWith({ state: "active" });
  const { vendorId, productId } = card.goods ?? {};
  const present = { ...anything, giftType: "order", currency: "SAR", vendorId, productId } as const;
  t.is(amend(card, amendment({ purpose: present }), at).kind, "as it is");
  for (const other of [
    { giftType: "wallet" },
    { currency: "KRW" },
    { vendorId: 999n },
    { productId: 999n },
    { offerId: 1n },
  ] as const) {
    const purpose = { ...anything, ...other };
    t.throws(() => amend(card, amendment({ purpose }), at), { instanceOf: GiftCardFinal });
  }
});

test("goods mean nothing to a card for none, as where it is made", (t) => {
  const card = cardWith({ state: "active" });
  const purpose = { ...anything, giftType: "wallet", vendorId: 1n, productId: 7n, offerId: 1n } as const;
  t.is(amend(card, amendment({ purpose }), at).kind, "as it is");
  t.throws(() => amend(card, amendment({ purpose: { ...purpose, giftType: "order" } }), at), {
    instanceOf: GiftCardFinal,
  });
});

test("who gives a card stays who has paid for it, unless the house has", (t) => {
  const giveAs = (card: Card, id: bigint) =>
    amend(card, amendment({ looks: { sender: { id, name: "Other" } } }), at).after;
  const card = cardWith({ state: "active" });
  t.throws(() => giveAs(card, 2n), { instanceOf: GiftCardFinal });
  t.deepEqual(giveAs(card, 1n).sender, { id: 1n, name: "Other" }, "though they may be called otherwise");
  const strayed = { ...card, sender: { id: 3n, name: "Third" } };
  t.is(giveAs(strayed, 1n).sender.id, 1n);
  t.is(giveAs(strayed, 3n).sender.id, 3n);
  t.throws(() => giveAs(strayed, 2n), { instanceOf: GiftCardFinal });
  t.is(giveAs({ ...card, payerId: undefined }, 2n).sender.id, 2n);
});

test("a card ends as expired or cancelled where it is active, and is left where it is so already", (t) => {
  const card = cardWith({ state: "active" });
  t.is(endingFor(card, undefined, at), undefined);
  t.is(endingFor(card, "active", at), undefined);
  for (const wanted of ["expired", "cancelled"] as const) {
    t.is(endingFor(card, wanted, at), wanted);
    t.is(endingFor({ ...card, state: wanted }, wanted, at), undefined);
    t.throws(() => endingFor({ ...card, state: "used" }, wanted, at), { instanceOf: GiftCardFinal });
  }
  t.throws(() => endingFor(card, "used", at), { instanceOf: GiftCardFinal });
  t.throws(() => endingFor({ ...card, state: "expired" }, "active", at), { instanceOf: GiftCardFinal });
});
