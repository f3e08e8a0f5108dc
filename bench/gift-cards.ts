import { createCardTables } from "./baselines/card-tables.ts";
import { connect, openDatabase, connections as plainConnections, urlOf } from "./baselines/knex-database.ts";
import { PlainRedeems } from "./baselines/redeem-mysql2.ts";
import {
  type CardSide,
  checkBooks,
  holders,
  inFlight,
  openCardSide,
  redeemPath,
  redeemRound,
  whileIn,
  withInFlight,
} from "./card-redeems.ts";
import { CardRows } from "./card-rows.ts";
import { withCodeKey } from "./card-terms.ts";
import { beside, compare, measureAlone, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at, openConnections } from "./http-client.ts";
import { closedLoop, closedLoopWhile, type Round } from "./load.ts";
import { benchManyCards } from "./many-gift-cards.ts";
import { PlainCardRows } from "./plain-card-rows.ts";
import { Shelf } from "./shelf.ts";
import { type Mysql, openMysql, openSqlite, startBaseline, startMesh, startScript } from "./sides.ts";
import { startSplitMesh } from "./split-mesh.ts";
import { TokenMint } from "./token-mint.ts";

/** More cards than any side redeems in the time. */
const length = { durationMs: 2_000, cards: 40_000 };

/** With so few in flight, a redeem takes no more than a tenth of a commit. */
const fewInFlight = 64;
const commitsLimit = { baseline: "0.1 commits a redeem", figure: "commits", value: 0.1 } as const;

/** Redeems to wallets: across processes on MySQL, in one process on SQLite, and beside a million other cards. */
export async function benchGiftCards(stack: AsyncDisposableStack): Promise<Result[]> {
  const results: Result[] = [];
  for (const bench of [benchProcesses, benchOneInFlight, benchOneProcess, benchManyCards]) {
    await using own = stack.use(new AsyncDisposableStack());
    results.push(...(await bench(own)));
  }
  return results;
}

/** Lanes across three processes against one transaction a redeem, with nothing around it and with the same contract. */
async function benchProcesses(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(holders);
  const mysql = await openMysql(stack);
  const store = withCodeKey(mysql);
  const mesh = await startSplitMesh(["gift-card", "wallet"], store, mint, stack);
  if (!mesh) {
    process.stderr.write("There is no nats-server here: redeems are not measured across processes\n");
    return [];
  }
  const rows = await CardRows.open(store.environment, holders, stack);
  const ours = await openCardSide(mesh, tokens, (count) => rows.layOut(count), stack);

  const surroundings = { mysql, mint, tokens };
  const results = [...(await besideRaw(ours, surroundings)), ...(await besidePlain(ours, surroundings))];
  const few = await measureAlone(() => redeemRound(withInFlight(ours, fewInFlight), length));
  results.push(beside(nameOf(fewInFlight), few, commitsLimit));
  await checkBooks(mesh);
  return results;
}

async function besideRaw(ours: CardSide, surroundings: Surroundings): Promise<Result[]> {
  // One baseline after the other: a server may have too few connections for both.
  await using stack = new AsyncDisposableStack();
  const baseline = "raw mysql2, one transaction a redeem, no HTTP";
  const runBaseline = await openRaw(surroundings, stack);
  const runOurs = () => redeemRound(ours, length);
  return [await compare({ workload: nameOf(inFlight), baseline, figure: "rate", aim: 1.5, runOurs, runBaseline })];
}

async function besidePlain(ours: CardSide, surroundings: Surroundings): Promise<Result[]> {
  await using stack = new AsyncDisposableStack();
  const baseline = "Fastify + knex FOR UPDATE";
  const plain = await openPlain(surroundings, stack);
  const sides = (inFlight: number) => ({
    workload: nameOf(inFlight),
    baseline,
    runOurs: () => redeemRound(withInFlight(ours, inFlight), length),
    runBaseline: () => redeemRound(withInFlight(plain, inFlight), length),
  });
  return [
    await compare({ ...sides(inFlight), figure: "rate", aim: 15 }),
    await compare({ ...sides(1), figure: "p50Ms", aim: 1.15 }),
  ];
}

function nameOf(inFlight: number): string {
  return `redeems over HTTP, edge + gift-card + wallet as processes, MySQL, ${inFlight} in flight`;
}

/** What a baseline on the same server needs. */
interface Surroundings {
  readonly mysql: Mysql;
  readonly mint: TokenMint;
  readonly tokens: readonly string[];
}

/** Redeems in this process, which does nothing else meanwhile: as many at once as there are connections. */
async function openRaw({ mysql }: Surroundings, stack: AsyncDisposableStack): Promise<() => Promise<Round>> {
  const name = `${mysql.prefix}raw`;
  const knex = await openDatabase(mysql.url, name, 1);
  stack.defer(() => knex.destroy());
  await createCardTables(knex);
  const rows = await PlainCardRows.open(knex, holders);
  const [liabilityId = 0] = await knex("accounts").insert({ user_id: 0, currency: "SAR", balance: 0, sequence: 0 });
  const redeems = new PlainRedeems(urlOf(mysql.url, name), plainConnections, liabilityId);
  stack.defer(() => redeems.close());
  const shelf = new Shelf((count) => rows.layOut(count));
  return async () => {
    await shelf.fill(length.cards);
    return weigh({ pids: [process.pid], server: mysql.server }, () =>
      closedLoopWhile(plainConnections, whileIn(length), () => {
        const { id, holderId } = shelf.take();
        return redeems.redeem(id, holderId);
      }),
    );
  };
}

/** One who redeems, with nobody to share a transaction with: in one process, against a transaction for each of the same steps. */
async function benchOneInFlight(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(holders);
  const mysql = await openMysql(stack);
  const store = withCodeKey(mysql);
  const mesh = await startMesh(store, mint, stack);
  const rows = await CardRows.open(store.environment, holders, stack);
  const ours = await openCardSide(mesh, tokens, (count) => rows.layOut(count), stack);
  const stepwise = await openPlain({ mysql, mint, tokens }, stack, "--stepwise");
  const result = await compare({
    workload: "redeems over HTTP, one process, MySQL, 1 in flight",
    baseline: "Fastify + knex FOR UPDATE, each step in a transaction of its own",
    figure: "p50Ms",
    aim: 1.15,
    runOurs: () => redeemRound(withInFlight(ours, 1), length),
    runBaseline: () => redeemRound(withInFlight(stepwise, 1), length),
  });
  await checkBooks(mesh);
  return [result];
}

/** Starts what one would write plainly for the same contract. */
async function openPlain(
  { mysql, mint, tokens }: Surroundings,
  stack: AsyncDisposableStack,
  ...more: string[]
): Promise<CardSide> {
  const name = `${mysql.prefix}plain`;
  const args = ["--store", mysql.url, "--database", name, ...more];
  const side = await startBaseline({ script: "redeem-knex.ts", args, mint, server: mysql.server }, stack);
  const knex = connect(mysql.url, name, 1);
  stack.defer(() => knex.destroy());
  const rows = await PlainCardRows.open(knex, holders);
  return openCardSide(side, tokens, (count) => rows.layOut(count), stack);
}

/** A whole mesh in one process, against a Fastify route that answers the same bytes and does nothing for them. */
async function benchOneProcess(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(holders);
  const store = withCodeKey(openSqlite(stack));
  const mesh = await startMesh(store, mint, stack);
  const rows = await CardRows.open(store.environment, holders, stack);
  const ours = await openCardSide(mesh, tokens, (count) => rows.layOut(count), stack);
  const result = await compare({
    workload: `redeems over HTTP, one process, SQLite, ${inFlight} in flight`,
    baseline: "bare Fastify route",
    figure: "rate",
    aim: 0.25,
    runOurs: () => redeemRound(ours, length),
    runBaseline: await openBare(ours, stack),
  });
  await checkBooks(mesh);
  return [result];
}

/** Answers what a redeem was answered, over and over. */
async function openBare({ side, shelf, tokens }: CardSide, stack: AsyncDisposableStack) {
  await shelf.fill(1);
  const { id, holderId } = shelf.take();
  const answer = await side.admin.as(at(tokens, holderId - 1)).post(redeemPath(id));
  const { said, pid } = await startScript("bench/baselines/bare-fastify.ts", ["--body", answer.text], stack);
  const connections = await openConnections(said, inFlight, stack);
  const workers = { pids: [pid], server: undefined };
  return () =>
    weigh(workers, () =>
      closedLoop(inFlight, length.durationMs, (place) => at(connections, place).get(redeemPath(id), at(tokens, 0))),
    );
}
