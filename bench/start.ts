import { setTimeout as sleep } from "node:timers/promises";
import { beside, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at, openConnections } from "./http-client.ts";
import { closedLoop, median, type Round } from "./load.ts";
import { openSqlite, type Store, startMesh } from "./sides.ts";
import { TokenMint } from "./token-mint.ts";

const starts = 5;
const startLimit = { baseline: "1,500 ms", figure: "p50Ms", value: 1_500 } as const;
const idleLimit = { baseline: "200 MB", figure: "rssMb", value: 200 } as const;
export const loadLimit = { baseline: "400 MB", figure: "rssMb", value: 400 } as const;

/** After a start, until what it has thrown away is collected. */
const idleMs = 10_000;

const loadMs = 10_000;
const inFlight = 64;
const path = "/members/me/points";

/** From the start of the whole mesh to its first answer, and what it has in memory: idle, and while it is asked. */
export async function benchStart(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const store = openSqlite(stack);
  const times: number[] = [];
  // The first makes the tables, and does not count.
  for (let start = 0; start <= starts; start++) times.push(await timeStart(store, mint, stack));
  const [, ...counted] = times;
  const p50Ms = median(counted);
  const start: Round = { rate: Number.NaN, p50Ms, p99Ms: Math.max(...counted) };
  const [idle, loaded] = await weighMesh(mint, stack);
  return [
    beside("start to first answer, every service in one process, SQLite", start, startLimit),
    beside(`memory ${idleMs / 1_000} s after the start`, idle, idleLimit),
    beside(`memory after ${loadMs / 1_000} s of GET ${path}, ${inFlight} in flight`, loaded, loadLimit),
  ];
}

async function timeStart(store: Store, mint: TokenMint, stack: AsyncDisposableStack): Promise<number> {
  await using own = stack.use(new AsyncDisposableStack());
  const begun = performance.now();
  const { base } = await startMesh(store, mint, own);
  await fetch(`${base}/products/top`);
  return performance.now() - begun;
}

async function weighMesh(mint: TokenMint, stack: AsyncDisposableStack): Promise<[idle: Round, loaded: Round]> {
  await using own = stack.use(new AsyncDisposableStack());
  const { base, workers } = await startMesh(openSqlite(own), mint, own);
  await sleep(idleMs);
  const nothing = async () => ({ operations: 1, rate: Number.NaN, p50Ms: Number.NaN, p99Ms: Number.NaN });
  const idle = await weigh(workers, nothing);
  const tokens = await mint.users(inFlight);
  const connections = await openConnections(base, inFlight, own);
  const ask = (place: number) => at(connections, place).get(path, at(tokens, place));
  return [idle, await weigh(workers, () => closedLoop(inFlight, loadMs, ask))];
}
