import { type Comparison, compare, type Result } from "./comparison.ts";
import { weigh } from "./footprint.ts";
import { at, type HttpConnection, openConnections } from "./http-client.ts";
import { closedLoop, type Round } from "./load.ts";
import { startRedis } from "./redis-server.ts";
import { make, openMysql, type Side, startBaseline, startMesh } from "./sides.ts";
import { TokenMint } from "./token-mint.ts";

const roundMs = 2_000;

/** Each claims a coupon once. As many as have their tokens remembered, so that no side is measured by its checks of them. */
const members = 5_000;

/** Coupons that are laid out for a round: when every member has the first, they come for the second. */
const couponsInRound = 20;

/** Claims for one coupon over HTTP: a lane on MySQL against a script in Redis, and against a transaction each. */
export async function benchCoupons(stack: AsyncDisposableStack): Promise<Result[]> {
  const mint = await TokenMint.open(stack);
  const tokens = await mint.users(members);
  const mysql = await openMysql(stack);
  const ours = await startMesh(mysql, mint, stack);
  const results: Result[] = [];

  const redis = await startRedis(stack);
  if (redis) {
    const args = ["--store", String(redis.port)];
    const options = { script: "coupon-redis.ts", args, mint, server: undefined, helpers: [redis.pid] };
    const baseline = { name: "Redis Lua, appendfsync always", side: await startBaseline(options, stack) };
    results.push(await compareAt(64, ours, baseline, { figure: "rate", aim: 1 }, tokens, stack));
    results.push(await compareAt(512, ours, baseline, { figure: "rate", aim: 1.3 }, tokens, stack));
  } else {
    process.stderr.write("There is no redis-server here: coupons are not measured against it\n");
  }

  const args = ["--store", mysql.url, "--database", `${mysql.prefix}plain`];
  const plain = await startBaseline({ script: "coupon-knex.ts", args, mint, server: mysql.server }, stack);
  const baseline = { name: "Fastify + knex FOR UPDATE", side: plain };
  results.push(await compareAt(64, ours, baseline, { figure: "rate", aim: 20 }, tokens, stack));
  results.push(await compareAt(1, ours, baseline, { figure: "p50Ms", aim: 1.15 }, tokens, stack));
  return results;
}

async function compareAt(
  inFlight: number,
  ours: Side,
  baseline: { readonly name: string; readonly side: Side },
  aim: Pick<Comparison, "figure" | "aim">,
  tokens: readonly string[],
  stack: AsyncDisposableStack,
): Promise<Result> {
  const our = await openConnections(ours.base, inFlight, stack);
  const their = await openConnections(baseline.side.base, inFlight, stack);
  return compare({
    workload: `coupon claims over HTTP, one coupon, ${inFlight} in flight`,
    baseline: baseline.name,
    ...aim,
    runOurs: () => claimRound(ours, our, tokens),
    runBaseline: () => claimRound(baseline.side, their, tokens),
  });
}

/** All come for one coupon; exported for profiles. */
export async function claimRound(
  { admin, workers }: Side,
  connections: readonly HttpConnection[],
  tokens: readonly string[],
  durationMs = roundMs,
): Promise<Round> {
  const terms = { name: "First come, first served", discount_type: "percent", discount_value: "10" };
  const coupon = { ...terms, total_quantity: 1_000_000 };
  const coupons: number[] = [];
  for (let n = 0; n < couponsInRound; n++) coupons.push(await make(admin, "/admin-api/coupons", coupon));
  let claims = 0;
  return weigh(workers, () =>
    closedLoop(connections.length, durationMs, async (place) => {
      const claim = claims++;
      const couponId = coupons[Math.floor(claim / tokens.length)];
      const { status, body } = await at(connections, place).post(`/coupons/${couponId}`, at(tokens, claim));
      if (status !== 201) throw new Error(`A claim was answered ${status}: ${body}`);
    }),
  );
}
