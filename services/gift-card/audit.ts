import { setTimeout as sleep } from "node:timers/promises";
import { SystemAccount } from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import type { Database, Session } from "../platform/database/database.ts";
import { placeholders } from "../platform/database/statements.ts";
import type { Call } from "../platform/rpc/call.ts";
import { type Instant, now, toTimestamp } from "../platform/time.ts";
import { counterDifferences, type Difference, liabilityDifferences, owedOn, type UnderWay } from "./domain/audit.ts";
import type { CardState } from "./domain/card.ts";
import type { Count } from "./domain/counters.ts";
import type { Neighbours } from "./neighbours.ts";
import { countCards, readAllCounters } from "./store/counters.ts";

const mostDifferences = 100;

/**
 * How often what is owed is looked at again, and how long after, in milliseconds: two services have no instant in common,
 * and money that was on its way has arrived by then. What still differs the last time, does; unless cards are moved all the
 * time, and the clocks of the two are further apart than from one card to the next.
 */
const mostLooks = 5;
const lookAgainMs = 200;

const moving: readonly CardState[] = ["making", "redeeming", "ordering", "changing", "returning"];

export interface Audit {
  readonly cards: bigint;
  readonly differences: readonly Difference[];
}

interface View {
  readonly at: Instant;
  readonly counters: readonly Count[];
  readonly cards: readonly Count[];
  readonly underWay: readonly UnderWay[];
}

/** Compares what is counted of cards, and what the ledger owes on them, with the cards themselves, while they are used. */
export async function auditCards(database: Database, ledger: Neighbours["ledger"], call: Call): Promise<Audit> {
  const view = await database.snapshot(look);
  let unowed = await liability(view, ledger, call);
  for (let looks = 1; unowed.length > 0 && looks < mostLooks; looks++) {
    await sleep(lookAgainMs);
    unowed = await liability(await database.snapshot(look), ledger, call);
  }
  const total = view.cards
    .filter(({ kind, vendorId }) => kind === "facet" && vendorId === 0n)
    .reduce((sum, { count }) => sum + count, 0n);
  const differences = [...counterDifferences(view.cards, view.counters), ...unowed];
  return { cards: total, differences: differences.slice(0, mostDifferences) };
}

async function look(session: Session): Promise<View> {
  const at = now();
  const counters = await readAllCounters(session);
  const cards = await countCards(session);
  const [rows = []] = await session.run([
    {
      sql: `SELECT state, currency, amount, new_amount FROM cards WHERE state IN (${placeholders(moving.length)})`,
      values: moving,
    },
  ]);
  const underWay = rows.map((row) => ({
    state: row.state as CardState,
    currency: row.currency as string,
    amount: row.amount as bigint,
    newAmount: (row.new_amount as bigint | null) ?? undefined,
  }));
  return { at, counters, cards, underWay };
}

/**
 * How the ledger differs from a view of the cards, which took its time to be counted: as it is now, or else as it was then,
 * which only matters where cards have been moved since.
 */
async function liability(view: View, ledger: Neighbours["ledger"], call: Call): Promise<Difference[]> {
  const owed = owedOn(view.cards, view.underWay);
  const present = liabilityDifferences(owed, await owedBy(ledger, {}, call));
  if (present.length === 0) return [];
  return liabilityDifferences(owed, await owedBy(ledger, { asOf: toTimestamp(view.at) }, call));
}

/** What the ledger owes on cards, by currency. */
async function owedBy(
  ledger: Neighbours["ledger"],
  request: Parameters<typeof ledger.listSystemBalances>[0],
  call: Call,
): Promise<ReadonlyMap<string, bigint>> {
  const { balances } = await ledger.listSystemBalances(request, call);
  const owed = balances.filter(({ account }) => account === SystemAccount.GIFT_CARD_LIABILITY);
  return new Map(owed.map(({ currencyCode, minorUnits }) => [currencyCode, BigInt(minorUnits)]));
}
