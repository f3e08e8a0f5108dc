import { CardRows } from "./card-rows.ts";
import { beside, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at, type HttpConnection } from "./http-client.ts";
import { closedLoop, type Round } from "./load.ts";
import { openShop } from "./orders.ts";
import { openSqlite, startMesh } from "./sides.ts";
import { loadLimit } from "./start.ts";
import { TokenMint } from "./token-mint.ts";

const inFlight = 64;
const roundMs = 10_000;
const roundsInMinute = 6;
const minutes = 10;

/** Everything has been done often by then, and what is remembered is full. */
const settledMinute = 3;

/** As far as memory that does not grow is told from one minute to another. */
const flat = 1.1;

const cards = "/api/user/v3.1/gift-cards";

/** Ten minutes of all that clients do, one after the other: what a whole mesh in one process has in memory stays the same. */
export async function benchSoak(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(inFlight);
  const store = openSqlite(stack);
  const mesh = await startMesh(store, mint, stack);
  await CardRows.open(store.environment, inFlight, stack);
  const { side, connections, productIds } = await openShop(mesh, tokens, stack);
  const rounds: Round[] = [];
  for (let round = 0; round < minutes * roundsInMinute; round++) {
    const visit = (place: number, turn: number) =>
      visitAll(at(connections, place), at(tokens, place), at(productIds, place * 7 + turn));
    rounds.push(await weigh(side.workers, () => closedLoop(inFlight, roundMs, visit)));
  }
  const minute = (number: number) => mostOf(rounds.slice((number - 1) * roundsInMinute, number * roundsInMinute));
  const [settled, last] = [minute(settledMinute), minute(minutes)];
  const workload = `memory in minute ${minutes} of points, orders, payments, cards and redeems, ${inFlight} in flight`;
  const before = {
    baseline: `in minute ${settledMinute}`,
    figure: "rssMb",
    value: settled.rssMb ?? Number.NaN,
  } as const;
  return [beside(workload, last, { ...before, aim: flat }), beside(workload, last, loadLimit)];
}

/** The round that had the most in memory. */
function mostOf(rounds: readonly Round[]): Round {
  return rounds.reduce((most, round) => ((round.rssMb ?? 0) > (most.rssMb ?? 0) ? round : most));
}

async function visitAll(connection: HttpConnection, token: string, productId: number): Promise<void> {
  await get(connection, token, "/members/me/points");
  await get(connection, token, "/products/top?days=3&limit=5");
  const wanted = JSON.stringify({ items: [{ product_id: productId, quantity: 1 }] });
  await post(connection, token, `/payment/${idIn(await post(connection, token, "/order/me", wanted), "order")}`);
  const card = JSON.stringify({ gift_type: "wallet", amount: "10.00", currency: "SAR" });
  const id = idIn(await post(connection, token, cards, card), "data");
  await get(connection, token, `${cards}/${id}`);
  await post(connection, token, `${cards}/${id}/redeem-wallet`);
}

async function get(connection: HttpConnection, token: string, path: string): Promise<void> {
  const { status, body } = await connection.get(path, token);
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${body}`);
}

async function post(connection: HttpConnection, token: string, path: string, wanted = ""): Promise<string> {
  const { status, body } = await connection.post(path, token, wanted);
  if (status !== 200 && status !== 201) throw new Error(`${path} was answered ${status}: ${body}`);
  return body;
}

function idIn(body: string, name: string): string {
  const [, id] = new RegExp(`"${name}":\\{"id":(\\d+)`).exec(body) ?? [];
  if (id === undefined) throw new Error(`There is no ${name} in ${body}`);
  return id;
}
