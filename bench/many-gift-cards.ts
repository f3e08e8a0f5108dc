import { type CardSide, checkBooks, holders, inFlight, openCardSide, redeemRound } from "./card-redeems.ts";
import { CardRows } from "./card-rows.ts";
import { withCodeKey } from "./card-terms.ts";
import { beside, compare, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at } from "./http-client.ts";
import { closedLoop, median, type Round } from "./load.ts";
import { openMysql, openSqlite, type Side, type Store, startMesh } from "./sides.ts";
import { startSplitMesh } from "./split-mesh.ts";
import { TokenMint } from "./token-mint.ts";

const million = 1_000_000;
const few = 10_000;

/** As many as there are where there are few: each is redeemed, at whatever place it is among the others. */
const length = { durationMs: Number.POSITIVE_INFINITY, cards: few };

const readsMs = 1_000;
const readRounds = 5;
const readLimit = { baseline: "10 ms", figure: "p50Ms", value: 10 } as const;

/** What an admin opens first. */
const adminBase = "/admin-api/gift-cards/gift-cards";
const reads = {
  "statistics of gift cards": `${adminBase}/statistics`,
  "first page of an admin's list of gift cards": adminBase,
};

/** Starts a mesh on a store of its own. */
interface Kind {
  readonly name: string;
  start(
    mint: TokenMint,
    stack: AsyncDisposableStack,
  ): Promise<{ readonly mesh: Side | undefined; readonly store: Store }>;
}

const onMysql: Kind = {
  name: "edge + gift-card + wallet as processes, MySQL",
  start: async (mint, stack) => {
    const store = withCodeKey(await openMysql(stack));
    return { mesh: await startSplitMesh(["gift-card", "wallet"], store, mint, stack), store };
  },
};

const onSqlite: Kind = {
  name: "one process, SQLite",
  start: async (mint, stack) => {
    const store = withCodeKey(openSqlite(stack));
    return { mesh: await startMesh(store, mint, stack), store };
  },
};

/** A million cards against ten thousand. */
export async function benchManyCards(stack: AsyncDisposableStack): Promise<Result[]> {
  const results: Result[] = [];
  for (const kind of [onMysql, onSqlite]) {
    await using own = stack.use(new AsyncDisposableStack());
    results.push(...(await benchPlenty(kind, { cards: million, entries: 0 }, own)));
  }
  return results;
}

/** Ten million cards and as many entries of the ledger against ten thousand cards, and what these have made of entries. */
export function benchTenMillion(stack: AsyncDisposableStack): Promise<Result[]> {
  return benchPlenty(onMysql, { cards: 10 * million, entries: 10 * million }, stack);
}

/** How much there is. */
interface Plenty {
  readonly cards: number;
  readonly entries: number;
}

/** Plenty in one mesh against few cards in another. */
async function benchPlenty(kind: Kind, plenty: Plenty, stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(holders);
  const full = await openSide(kind, mint, tokens, stack);
  const small = await openSide(kind, mint, tokens, stack);
  if (full && small) return measure(kind, plenty, { full, small }, mint);
  process.stderr.write(`There is no nats-server here: ${nameOf(plenty)} are not measured across processes\n`);
  return [];
}

async function measure(
  { name }: Kind,
  plenty: Plenty,
  { full, small }: { readonly full: ManySide; readonly small: ManySide },
  mint: TokenMint,
): Promise<Result[]> {
  await full.rows.layOutEntries(plenty.entries);
  await full.side.shelf.fill(plenty.cards);
  const redeems = await compare({
    workload: `redeems over HTTP, ${name}, ${inFlight} in flight, ${nameOf(plenty)}`,
    baseline: `itself, ${shown(few)} cards`,
    figure: "rate",
    aim: 0.9,
    runOurs: () => redeemRound(full.side, length),
    runBaseline: async () => {
      await small.rows.clear();
      return redeemRound(small.side, length);
    },
  });
  const token = await mint.admin();
  const results = [redeems];
  for (const [what, path] of Object.entries(reads)) {
    const workload = `${what}, ${name}, ${nameOf(plenty)}, one in flight`;
    results.push(beside(workload, await read(full.side, path, token), readLimit));
  }
  // An audit through the edge has the time of any call, and that of so many entries takes longer.
  if (plenty.entries > 0) await full.rows.checkLedger();
  else await checkBooks(full.side.side);
  await checkBooks(small.side.side);
  return results;
}

interface ManySide {
  readonly rows: CardRows;
  readonly side: CardSide;
}

async function openSide(
  kind: Kind,
  mint: TokenMint,
  tokens: readonly string[],
  stack: AsyncDisposableStack,
): Promise<ManySide | undefined> {
  const { mesh, store } = await kind.start(mint, stack);
  if (!mesh) return undefined;
  const rows = await CardRows.open(store.environment, holders, stack);
  return { rows, side: await openCardSide(mesh, tokens, (count) => rows.layOut(count), stack) };
}

/** The round of the middle, after one that does not count. */
async function read({ side, connections }: CardSide, path: string, token: string): Promise<Round> {
  const rounds: Round[] = [];
  for (let round = 0; round <= readRounds; round++) {
    rounds.push(
      await weigh(side.workers, () =>
        closedLoop(1, readsMs, async (place) => {
          const { status, body } = await at(connections, place).get(path, token);
          if (status !== 200) throw new Error(`${path} was answered ${status}: ${body}`);
        }),
      ),
    );
  }
  const [, ...counted] = rounds;
  const p50Ms = median(counted.map((round) => round.p50Ms));
  return counted.find((round) => round.p50Ms === p50Ms) ?? Promise.reject(new Error("There was no round"));
}

function nameOf({ cards, entries }: Plenty): string {
  return entries === 0 ? `${shown(cards)} cards` : `${shown(cards)} cards, ${shown(entries)} entries`;
}

function shown(count: number): string {
  return count.toLocaleString("en");
}
