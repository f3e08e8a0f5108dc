import { weigh } from "./footprint.ts";
import { at, type HttpConnection, openConnections } from "./http-client.ts";
import { closedLoopWhile, type Round } from "./load.ts";
import { type LayOut, Shelf } from "./shelf.ts";
import type { Side } from "./sides.ts";

/** How many redeem at once. */
export const inFlight = 256;

/** Who holds the cards: as many as have their tokens remembered, so that no side is measured by its checks of them. */
export const holders = 5_000;

/** A mesh, or what stands for one, with cards that are there to be redeemed. */
export interface CardSide {
  readonly side: Side;
  readonly shelf: Shelf;
  readonly connections: readonly HttpConnection[];
  /** Of the holders 1, 2, 3 … */
  readonly tokens: readonly string[];
}

/** How long a round lasts: as long as this, or as there are so many cards for it. */
export interface RoundLength {
  readonly durationMs: number;
  readonly cards: number;
}

/**
 * Puts a side together, and has each holder redeem a card: their tokens and wallets are known from then on, as everybody's
 * are who comes twice. `layOut` lays out as many cards as rounds need, each holder's in turn.
 */
export async function openCardSide(
  side: Side,
  tokens: readonly string[],
  layOut: LayOut,
  stack: AsyncDisposableStack,
): Promise<CardSide> {
  const connections = await openConnections(side.base, inFlight, stack);
  const cards = { side, shelf: new Shelf(layOut), connections, tokens };
  await redeemRound(cards, { durationMs: Number.POSITIVE_INFINITY, cards: tokens.length });
  return cards;
}

/** Cards come into wallets over HTTP, each by its holder; exported for profiles. */
export async function redeemRound({ side, shelf, connections, tokens }: CardSide, length: RoundLength): Promise<Round> {
  await shelf.fill(length.cards);
  return weigh(side.workers, () => {
    const goesOn = whileIn(length);
    return closedLoopWhile(connections.length, goesOn, async (place) => {
      const { id, holderId } = shelf.take();
      const { status, body } = await at(connections, place).post(redeemPath(id), at(tokens, holderId - 1));
      if (status !== 200) throw new Error(`A redeem was answered ${status}: ${body}`);
    });
  });
}

/** The same side, asked by fewer. */
export function withInFlight(side: CardSide, inFlight: number): CardSide {
  return { ...side, connections: side.connections.slice(0, inFlight) };
}

export function redeemPath(cardId: number): string {
  return `/api/user/v3.1/gift-cards/${cardId}/redeem-wallet`;
}

/** Says, asked before each redeem, whether there is to be one more. */
export function whileIn({ durationMs, cards }: RoundLength): () => boolean {
  const end = performance.now() + durationMs;
  let left = cards;
  return () => left-- > 0 && performance.now() < end;
}

/** Throws where a mesh's money or the counts of its cards do not add up. */
export async function checkBooks({ admin }: Side): Promise<void> {
  for (const path of ["/admin-api/ledger/audit", "/admin-api/gift-cards/gift-cards/audit"]) {
    const { body, text } = await admin.get(path);
    if (body.data?.balanced !== true) throw new Error(`${path} says: ${text}`);
  }
}
