import test from "ava";
import { cardStates, cardWith, orderCardWith } from "../testing/cards.ts";
import type { Card } from "./card.ts";
import {
  type Address,
  addressOfRecipient,
  letterOfMade,
  letterOfReaddressed,
  letterOfRedeemed,
  letterOfReturned,
  textForRecipient,
  textForSender,
} from "./letter.ts";

const code = "GC0123456789ABCDEF";
const email: Address = { channel: "email", to: "jane@example.com" };
const sms: Address = { channel: "sms", to: "+966501234567" };
const activeWith = (changes: Partial<Card> = {}) => cardWith({ state: "active", ...changes });

test("the recipient is told by email, or by SMS where there is only a number", (t) => {
  const number = "+966501234567";
  const to = (recipient: Partial<Card["recipient"]>) =>
    addressOfRecipient(cardWith({ recipient: { name: undefined, email: undefined, number: undefined, ...recipient } }));
  t.deepEqual(to({ email: "jane@example.com", number }), email);
  t.deepEqual(to({ number }), sms);
  t.is(to({ name: "Jane" }), undefined);
});

test("an email says who gives what, what they say, the code, and until when it is good", (t) => {
  const expiresAt = BigInt(Date.UTC(2026, 11, 31, 23, 59, 59)) * 1_000n;
  const card = activeWith({ message: "Happy birthday!\nYours", expiresAt });
  t.deepEqual(textForRecipient(card, code, email), {
    subject: "Maker has sent you a gift card",
    body: [
      "Dear Jane,",
      "Maker has sent you a gift card of 100.00 SAR.",
      "They say:",
      "Happy birthday!\nYours",
      "Its code: GC0123456789ABCDEF",
      "Redeem it before 2026-12-31 23:59 UTC.",
      "Whoever has the code can redeem the card, so keep it to yourself.",
    ].join("\n\n"),
  });
});

test("an SMS is short, and has no subject", (t) => {
  t.deepEqual(textForRecipient(activeWith({ message: "Happy birthday!" }), code, sms), {
    subject: "",
    body: "Maker has sent you a gift card of 100.00 SAR. Its code: GC0123456789ABCDEF.",
  });
});

test("names stay in their line", (t) => {
  const sender = { id: 1n, name: "Ma\r\nBcc: all@example.com\u2028ker\u0000" };
  const recipient = { name: "J\nane", email: "jane@example.com", number: undefined };
  const text = textForRecipient(activeWith({ sender, recipient }), code, email);
  t.is(text?.subject, "Ma Bcc: all@example.com ker has sent you a gift card");
  t.true(text?.body.startsWith("Dear J ane,\n\nMa Bcc"));
});

for (const state of cardStates) {
  const isTold = ["active", "redeeming", "ordering", "changing", "returning"].includes(state);
  test(`a recipient is ${isTold ? "told" : "not told any more"} of a card that is ${state}`, (t) => {
    t.is(textForRecipient(cardWith({ state }), code, email) !== undefined, isTold);
  });
}

test("the sender is told what became of the card, and where its value is", (t) => {
  const card = cardWith({ state: "expired" });
  t.deepEqual(textForSender(card, "expired", email), {
    subject: "Your gift card has expired",
    body: "Your gift card for Jane of 100.00 SAR (ending in WXYZ) has expired. Its value is back in your wallet.",
  });
  const ofTheHouse = { ...card, payerId: undefined };
  t.false(textForSender(ofTheHouse, "cancelled", email).body.includes("wallet"));
  t.is(
    textForSender(card, "redeemed", sms).body,
    "Your gift card for Jane of 100.00 SAR (ending in WXYZ) has been redeemed.",
  );
});

test("a card that was made is told of where it names somebody to tell", (t) => {
  t.like(letterOfMade(cardWith()), { id: "card-17-given", cardId: 17n, kind: "given" });
  t.is(letterOfMade(cardWith({ recipient: { name: "Jane", email: undefined, number: undefined } })), undefined);
});

test("a card that is given another recipient is told of again, and only then", (t) => {
  const before = activeWith();
  const to = (recipient: Card["recipient"]) => letterOfReaddressed(before, { ...before, recipient, updatedAt: 5n });
  t.like(to({ name: "Jane", email: "other@example.com", number: undefined }), { id: "card-17-given-5" });
  t.like(to({ name: "Jane", email: undefined, number: "+966501234567" }), { id: "card-17-given-5" });
  t.is(to({ name: "Janet", email: "jane@example.com", number: undefined }), undefined);
  t.is(to({ name: "Jane", email: "jane@example.com", number: "+966501234567" }), undefined);
  t.is(to({ name: "Jane", email: undefined, number: undefined }), undefined);
});

test("the sender hears of a redemption by another, once", (t) => {
  const used = cardWith({ state: "used", method: "wallet", redeemedBy: 2n });
  t.like(letterOfRedeemed(used), { id: "card-17-redeemed", kind: "redeemed" });
  t.is(letterOfRedeemed({ ...used, redeemedBy: 1n }), undefined);
  const ordered = orderCardWith({ state: "used", method: "order", redeemedBy: 2n, order: { id: 9n, placedAt: 1n } });
  t.like(letterOfRedeemed(ordered), { id: "card-17-redeemed" });
  t.is(letterOfRedeemed({ ...ordered, method: "wallet" }), undefined);
});

test("the sender hears that a card expired or was cancelled, but not that it was deleted", (t) => {
  t.like(letterOfReturned(cardWith({ state: "expired" })), { id: "card-17-expired", kind: "expired" });
  t.like(letterOfReturned(cardWith({ state: "cancelled" })), { id: "card-17-cancelled", kind: "cancelled" });
  t.is(letterOfReturned(cardWith({ state: "deleted" })), undefined);
});

test("the sender of a batch does not hear of each of its cards", (t) => {
  t.is(letterOfRedeemed(cardWith({ batchId: 3n, state: "used", method: "wallet", redeemedBy: 2n })), undefined);
  t.is(letterOfReturned(cardWith({ batchId: 3n, state: "expired" })), undefined);
  t.truthy(letterOfMade(cardWith({ batchId: 3n })), "but who gets one does");
});
