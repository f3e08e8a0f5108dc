import test from "ava";
import { Refusal } from "../../platform/refusal.ts";
import { cardWith } from "../testing/cards.ts";
import { type Asker, checkMayRedeem, checkMayUnorder, maySeeCode, type Relation, relationOf } from "./access.ts";
import type { Card } from "./card.ts";

const nobody: Asker = { userId: 9n, emails: [], numbers: [], searchKeys: [] };
const key = cardWith().code.searchKey;

const forJane = cardWith({ state: "active" });
const byNumber = cardWith({
  state: "active",
  recipient: { name: undefined, email: undefined, number: "+966501234567" },
});
const forBoth = cardWith({
  state: "active",
  recipient: { name: undefined, email: "jane@example.com", number: "+966501234567" },
});
const forNobody = cardWith({ state: "active", recipient: { name: "Jane", email: undefined, number: undefined } });

const cases: readonly (readonly [who: string, card: Card, asker: Partial<Asker>, is: Relation])[] = [
  ["its maker", forJane, { userId: 1n }, "maker"],
  ["its maker, where it names no contact", forNobody, { userId: 1n }, "holder"],
  ["its maker with its code", forJane, { userId: 1n, searchKeys: [key] }, "bearer"],
  ["its maker, who is its recipient", forJane, { userId: 1n, emails: ["jane@example.com"] }, "holder"],
  ["its recipient by email", forJane, { emails: ["jane@example.com"] }, "holder"],
  ["its recipient by number", byNumber, { numbers: ["+966501234567"] }, "holder"],
  ["its recipient by either", forBoth, { numbers: ["+966501234567"] }, "holder"],
  ["whoever has another address", forJane, { emails: ["john@example.com"] }, "stranger"],
  ["whoever has another number", byNumber, { numbers: ["+966501234568"] }, "stranger"],
  ["whoever has verified nothing", forJane, {}, "stranger"],
  ["whoever has verified nothing, where it names no contact", forNobody, {}, "stranger"],
  ["whoever has its code", forJane, { searchKeys: [Buffer.from("other"), key] }, "bearer"],
  ["whoever has another code", forJane, { searchKeys: [Buffer.from("other")] }, "stranger"],
];

for (const [who, card, asker, is] of cases) {
  test(`${who} is a ${is} to a card`, (t) => {
    t.is(relationOf(card, { ...nobody, ...asker }), is);
    t.is(maySeeCode(card, { ...nobody, ...asker }), is !== "stranger");
  });
}

const reasons: Partial<Record<Relation, string>> = { maker: "GIFT_CARD_NOT_YOURS", stranger: "GIFT_CARD_NOT_FOUND" };

for (const [who, card, asker, is] of cases) {
  const reason = reasons[is];
  test(`${who} ${reason ? `is told ${reason}` : "may redeem a card"}`, (t) => {
    const check = () => checkMayRedeem(card, { ...nobody, ...asker });
    if (reason === undefined) t.notThrows(check);
    else t.like(t.throws(check, { instanceOf: Refusal }), { reason });
  });
}

test("whoever has made an order of a card may cancel it without its code, and nobody else who may not redeem it", (t) => {
  const card = cardWith({ state: "used", redeemedBy: 9n });
  t.notThrows(() => checkMayUnorder(card, nobody));
  t.throws(() => checkMayUnorder(card, { ...nobody, userId: 8n }), { message: "Gift card not found" });
  t.throws(() => checkMayUnorder(card, { ...nobody, userId: 1n }), { message: /somebody else/ });
});
