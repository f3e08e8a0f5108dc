import autocannon from "autocannon";
import type { RestClient } from "../services/testing/rest-client.ts";
import { compare, type Result } from "./comparison.ts";
import { type Workers, weigh } from "./footprint.ts";
import type { CountedRound } from "./load.ts";
import { make, openSqlite, type Side, startMesh, startScript } from "./sides.ts";
import { TokenMint } from "./token-mint.ts";

const roundSeconds = 3;
const connections = 64;

/** Where the Connect call of a read is. */
const getPoints = "/giftmesh.wallet.v1.PointsService/GetPoints";

/** Reads through the edge of a whole mesh in one process: as REST against a bare Fastify route, as Connect against connect-node. */
export async function benchEdge(stack: AsyncDisposableStack): Promise<Result[]> {
  const mesh = await startMesh(openSqlite(stack), await TokenMint.open(stack), stack);
  const { client } = await mesh.admin.as(undefined).newUser();
  const results: Result[] = [];
  for (const path of await layOut(mesh, client)) results.push(await benchRead(mesh, client, path, stack));
  results.push(await benchConnect(mesh, client, stack));
  return results;
}

/** Puts there what is to be read, and says where. */
async function layOut({ admin }: Side, client: RestClient): Promise<string[]> {
  await post(client, "/members/me/points/charge", { amount: 200 }, 200);
  const vendorId = await make(admin, "/admin-api/vendors", { name: "Flowers & Co" });
  const product = { vendor_id: vendorId, name: "Bunch of roses", price: "1.00", stock: 1_000 };
  const productId = await make(admin, "/admin-api/products", product);
  const ordered = await post(client, "/order/me", { items: [{ product_id: productId, quantity: 1 }] }, 201);
  const order = ordered.data?.order as { readonly id: number };
  await post(client, `/payment/${order.id}`, {}, 200);
  const cards = "/api/user/v3.1/gift-cards";
  const card = await post(client, cards, { gift_type: "wallet", amount: "10.00", currency: "SAR" }, 201);
  return ["/members/me/points", `/products/${productId}`, `${cards}/${card.data?.id}`, "/products/top?days=3&limit=5"];
}

async function post(client: RestClient, path: string, body: object, expected: number) {
  const answer = await client.post(path, body);
  if (answer.status !== expected) throw new Error(`${path} answered ${answer.status}: ${answer.text}`);
  return answer.body;
}

async function benchRead(mesh: Side, client: RestClient, path: string, stack: AsyncDisposableStack): Promise<Result> {
  const { text } = await client.get(path);
  await using own = stack.use(new AsyncDisposableStack());
  const bare = await startBare("bare-fastify.ts", text, own);
  const headers = { authorization: `Bearer ${client.token}` };
  return await compare({
    workload: `GET ${path.replace(/\d{3,}/, "{id}")}, one process, ${connections} connections`,
    baseline: "bare Fastify route, the same bytes",
    figure: "rate",
    aim: 0.5,
    runOurs: () => weigh(mesh.workers, () => load({ url: `${mesh.base}${path}`, headers })),
    runBaseline: () => weigh(bare.workers, () => load({ url: `${bare.base}${path}`, headers })),
  });
}

/** Ours checks a token and reads the database for it; connect-node has the answer in its hand. */
async function benchConnect(mesh: Side, client: RestClient, stack: AsyncDisposableStack): Promise<Result> {
  const body = JSON.stringify({ memberId: "me" });
  const headers = { authorization: `Bearer ${client.token}`, "content-type": "application/json" };
  const { status, text } = await client.post(getPoints, body);
  if (status !== 200) throw new Error(`${getPoints} answered ${status}: ${text}`);
  await using own = stack.use(new AsyncDisposableStack());
  const bare = await startBare("connect-node.ts", text, own);
  return await compare({
    workload: `Connect JSON GetPoints, one process, ${connections} connections`,
    baseline: "connect-node, a handler that has the answer",
    figure: "rate",
    aim: 3,
    runOurs: () => weigh(mesh.workers, () => load({ url: mesh.base + getPoints, headers, body })),
    runBaseline: () => weigh(bare.workers, () => load({ url: bare.base + getPoints, headers, body })),
  });
}

/** Starts a server that answers the same over and over. */
async function startBare(
  script: string,
  body: string,
  stack: AsyncDisposableStack,
): Promise<{ readonly base: string; readonly workers: Workers }> {
  const { said, pid } = await startScript(`bench/baselines/${script}`, ["--body", body], stack);
  return { base: said, workers: { pids: [pid], server: undefined } };
}

interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted, where there is one. */
  readonly body?: string;
}

async function load({ url, headers, body }: Load): Promise<CountedRound> {
  const what = {
    url,
    headers,
    connections,
    duration: roundSeconds,
    ...(body !== undefined && { method: "POST", body }),
  };
  const { requests, latency, non2xx, errors } = await autocannon(what as autocannon.Options);
  if (non2xx > 0 || errors > 0) throw new Error(`${url} answered ${non2xx} times other than 2xx, ${errors} not at all`);
  return { operations: requests.total, rate: requests.average, p50Ms: latency.p50, p99Ms: latency.p99 };
}
