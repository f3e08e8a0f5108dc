import { type CardSide, checkBooks, holders, inFlight, openCardSide, redeemRound } from "./card-redeems.ts";
import { CardRows } from "./card-rows.ts";
import { withCodeKey } from "./card-terms.ts";
import { besideLimit, compare, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at } from "./http-client.ts";
import { closedLoop, median, type Round } from "./load.ts";
import { openMysql, openSqlite, type Side, type Store, startMesh } from "./sides.ts";
import { startSplitMesh } from "./split-mesh.ts";
import { TokenMint } from "./token-mint.ts";

const many = 1_000_000;
const few = 10_000;

/** As many as there are where there are few: each is redeemed, at whatever place it is among the others. */
const length = { durationMs: Number.POSITIVE_INFINITY, cards: few };

const readsMs = 1_000;
const readRounds = 5;
const limitMs = 10;

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

const kinds: readonly Kind[] = [
  {
    name: "edge + gift-card + wallet as processes, MySQL",
    start: async (mint, stack) => {
      const store = withCodeKey(await openMysql(stack));
      return { mesh: await startSplitMesh(["gift-card", "wallet"], store, mint, stack), store };
    },
  },
  {
    name: "one process, SQLite",
    start: async (mint, stack) => {
      const store = withCodeKey(openSqlite(stack));
      return { mesh: await startMesh(store, mint, stack), store };
    },
  },
];

/** A million cards against ten thousand, each in a mesh of their own. */
export async function benchManyCards(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(holders);
  const results: Result[] = [];
  for (const kind of kinds) {
    await using own = stack.use(new AsyncDisposableStack());
    const full = await openSide(kind, mint, tokens, own);
    const small = await openSide(kind, mint, tokens, own);
    if (full && small) results.push(...(await measure(kind, full, small, mint)));
    else process.stderr.write(`There is no nats-server here: ${shown(many)} cards are not measured across processes\n`);
  }
  return results;
}

async function measure({ name }: Kind, full: ManySide, small: ManySide, mint: TokenMint): Promise<Result[]> {
  await full.side.shelf.fill(many);
  const redeems = await compare({
    workload: `redeems over HTTP, ${name}, ${inFlight} in flight, ${shown(many)} cards`,
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
    const workload = `${what}, ${name}, ${shown(many)} cards, one in flight`;
    results.push(besideLimit(workload, await read(full.side, path, token), limitMs));
  }
  for (const { side } of [full, small]) await checkBooks(side.side);
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

function shown(count: number): string {
  return count.toLocaleString("en");
}
