import type { RestClient } from "../services/testing/rest-client.ts";
import { beside, compare, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at, type HttpConnection, openConnections } from "./http-client.ts";
import { closedLoop, type Round } from "./load.ts";
import { make, openMysql, type Side, startBaseline, startMesh } from "./sides.ts";
import { TokenMint } from "./token-mint.ts";

const roundMs = 3_000;
const buyers = 64;

/** So many that buyers seldom wait for each other's stock, which one who locks it would suffer from most. */
const products = 100;

/** Orders a second, carts to payment, that Vendure 3.7.3 was measured to take on the same class of machine. */
const vendure = { baseline: "Vendure 3.7.3, measured before", figure: "rate", value: 12.8, aim: 100 } as const;

/** A shop that is open: who buys, and what there is. */
export interface OpenShop {
  readonly side: Side;
  readonly connections: readonly HttpConnection[];
  readonly tokens: readonly string[];
  readonly productIds: readonly number[];
}

/** Orders that are placed and paid over HTTP: lanes across services against a transaction a call in one database. */
export async function benchOrders(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(buyers);
  const mysql = await openMysql(stack);
  const ours = await openShop(await startMesh(mysql, mint, stack), tokens, stack);
  const openPlain = async (name: string, ...more: string[]) => {
    const args = ["--store", mysql.url, "--database", `${mysql.prefix}${name}`, ...more];
    return openShop(
      await startBaseline({ script: "order-knex.ts", args, mint, server: mysql.server }, stack),
      tokens,
      stack,
    );
  };
  const theirs = await openPlain("plain");
  const stepwise = await openPlain("stepwise", "--stepwise");

  const many = await compare({
    workload: `order + pay over HTTP, ${buyers} buyers, ${products} products`,
    baseline: "Fastify + knex FOR UPDATE",
    figure: "rate",
    aim: 10,
    runOurs: () => orderRound(ours),
    runBaseline: () => orderRound(theirs),
  });
  const one = (baseline: string, shop: OpenShop) =>
    compare({
      workload: "order + pay over HTTP, one buyer",
      baseline,
      figure: "p50Ms",
      aim: 1.15,
      runOurs: () => orderRound(ours, roundMs, 1),
      runBaseline: () => orderRound(shop, roundMs, 1),
    });
  const alone = [
    await one("Fastify + knex FOR UPDATE", theirs),
    await one("the same, each step in a transaction of its own", stepwise),
  ];
  await checkBooks(ours.side.admin);
  return [many, beside(many.workload, many.ours, vendure), ...alone];
}

/** Puts products onto the shelves and points into the wallets. */
export async function openShop(side: Side, tokens: readonly string[], stack: AsyncDisposableStack): Promise<OpenShop> {
  const { admin, base } = side;
  const vendorId = await make(admin, "/admin-api/vendors", { name: "Flowers & Co" });
  const productIds: number[] = [];
  for (let n = 1; n <= products; n++) {
    const product = { vendor_id: vendorId, name: `Bunch of roses ${n}`, price: "1.00", stock: 1_000_000_000 };
    productIds.push(await make(admin, "/admin-api/products", product));
  }
  for (const token of tokens) {
    const { status, text } = await admin.as(token).post("/members/me/points/charge", { amount: "10000.00" });
    if (status !== 200) throw new Error(`The points were not charged: ${text}`);
  }
  return { side, connections: await openConnections(base, buyers, stack), tokens, productIds };
}

/** So many buyers place an order each and pay it, over and over; exported for profiles. */
export async function orderRound(
  { side, connections, tokens, productIds }: OpenShop,
  durationMs = roundMs,
  inFlight = buyers,
): Promise<Round> {
  return weigh(side.workers, () =>
    closedLoop(inFlight, durationMs, async (place, turn) => {
      const connection = at(connections, place);
      const token = at(tokens, place);
      const wanted = `{"items":[{"product_id":${at(productIds, place * 7 + turn)},"quantity":1}]}`;
      const placed = await connection.post("/order/me", token, wanted);
      const id = placed.status === 201 && /"order":\{"id":(\d+)/.exec(placed.body)?.[1];
      if (!id) throw new Error(`An order was answered ${placed.status}: ${placed.body}`);
      const paid = await connection.post(`/payment/${id}`, token);
      if (paid.status !== 200) throw new Error(`A payment was answered ${paid.status}: ${paid.body}`);
    }),
  );
}

async function checkBooks(admin: RestClient): Promise<void> {
  const { body, text } = await admin.get("/admin-api/ledger/audit");
  if (body.data?.balanced !== true) throw new Error(`The books do not balance: ${text}`);
}
