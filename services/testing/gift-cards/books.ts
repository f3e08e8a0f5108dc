import type { RestClient } from "../rest-client.ts";
import { lastOf } from "../shop/books.ts";
import { listAll, type Member, minorUnits } from "../shop/members.ts";
import { adminBase, type ShownCard, userBase } from "./cards.ts";

interface ShownTransaction {
  readonly type: string;
  readonly direction: "credit" | "debit";
  readonly amount: string;
  readonly reference: string;
}

/** All that there is to be held against each other once no card is under way. */
interface Books {
  readonly admin: RestClient;
  /** By id; those that were deleted are not there. */
  readonly cards: ReadonlyMap<number, ShownCard>;
  /** Of all members. */
  readonly transactions: readonly ShownTransaction[];
}

/**
 * Waits until the books of everybody's cards are in order; answers what is still wrong when the time is up: none, where
 * they are. All cards are of the members' own making, or the house's.
 */
export function cardFaultsIn(admin: RestClient, members: readonly Member[], withinMs = 15_000): Promise<string[]> {
  return lastOf(() => findFaults(admin, members), withinMs);
}

async function findFaults(admin: RestClient, members: readonly Member[]): Promise<string[]> {
  const [lists, logs] = await Promise.all([
    Promise.all(members.map(({ client }) => listAll<ShownCard>(client, userBase))),
    Promise.all(members.map(({ client }) => listAll<ShownTransaction>(client, "/members/me/points/transactions"))),
  ]);
  const books = { admin, cards: new Map(lists.flat().map((card) => [card.id, card])), transactions: logs.flat() };
  const found = await Promise.all([
    liabilityFaults(books),
    auditFaults(admin, "/admin-api/ledger/audit"),
    auditFaults(admin, `${adminBase}/audit`),
  ]);
  return [...postingFaults(books), ...found.flat()];
}

/** What was paid for a card and what it has given come to what is still in it, or in an order that was made of it. */
function postingFaults({ cards, transactions }: Books): string[] {
  const byCard = Map.groupBy(
    transactions.filter(({ reference }) => reference.startsWith("card-")),
    ({ reference }) => Number(reference.slice("card-".length)),
  );
  return [...new Set([...cards.keys(), ...byCard.keys()])].flatMap((id) => {
    const net = (byCard.get(id) ?? []).reduce(
      (sum, { direction, amount }) => sum + minorUnits(amount) * (direction === "debit" ? 1n : -1n),
      0n,
    );
    const card = cards.get(id);
    const isIn = card?.status === "active" || (card?.gift_type === "order" && card.status === "used");
    const expected = isIn ? minorUnits(card.amount) : 0n;
    return net === expected ? [] : [`card ${id}, ${card?.status}, has cost ${net}, not ${expected}`];
  });
}

/** What is owed on cards is what the active ones are worth. */
async function liabilityFaults({ admin, cards }: Books): Promise<string[]> {
  const { body } = await admin.get("/admin-api/ledger/liability");
  const liabilities = (body.data ?? []) as unknown as readonly { currency: string; gift_cards: string }[];
  const owed = minorUnits(liabilities.find(({ currency }) => currency === "SAR")?.gift_cards ?? "0.00");
  const active = [...cards.values()].filter(({ status }) => status === "active");
  const expected = active.reduce((sum, { amount }) => sum + minorUnits(amount), 0n);
  return owed === expected ? [] : [`${owed} is owed on cards, not ${expected}`];
}

async function auditFaults(admin: RestClient, path: string): Promise<string[]> {
  const { body, text } = await admin.get(path);
  return body.data?.balanced === true ? [] : [`${path} says: ${text}`];
}
