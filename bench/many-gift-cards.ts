import { type CardSide, checkBooks, holders, openCardSide, redeemRound } from "./card-redeems.ts";
import { CardRows } from "./card-rows.ts";
import { withCodeKey } from "./card-terms.ts";
import { besideLimit, compare, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at } from "./http-client.ts";
import { closedLoop, median, type Round } from "./load.ts";
import { openSqlite, startMesh } from "./sides.ts";
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

/** A million cards against ten thousand, each in a mesh of one process on SQLite. */
export async function benchManyCards(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(holders);
  const full = await openSide(mint, tokens, stack);
  await full.side.shelf.fill(many);
  const small = await openSide(mint, tokens, stack);
  const redeems = await compare({
    workload: `redeems over HTTP, one process, SQLite, ${shown(many)} cards`,
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
    results.push(
      besideLimit(`${what}, ${shown(many)} cards, one in flight`, await read(full.side, path, token), limitMs),
    );
  }
  for (const { side } of [full, small]) await checkBooks(side.side);
  return results;
}

async function openSide(mint: TokenMint, tokens: readonly string[], stack: AsyncDisposableStack) {
  const store = withCodeKey(openSqlite(stack));
  const mesh = await startMesh(store, mint, stack);
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
