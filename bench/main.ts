import { writeFileSync } from "node:fs";
import { type Result, tableOf } from "./comparison.ts";
import { benchCoupons } from "./coupons.ts";
import { benchEdge } from "./edge.ts";
import { benchGiftCards } from "./gift-cards.ts";
import { benchHop } from "./hop.ts";
import { benchLedger } from "./ledger.ts";
import { benchTenMillion } from "./many-gift-cards.ts";
import { startMysql } from "./mysql-server.ts";
import { benchOrders } from "./orders.ts";
import { benchSoak } from "./soak.ts";
import { benchStart } from "./start.ts";
import { benchVouchers } from "./vouchers.ts";

/** Each ends what it has started with the stack. */
const benches: Readonly<Record<string, (stack: AsyncDisposableStack) => Promise<Result[]>>> = {
  start: benchStart,
  ledger: benchLedger,
  hop: benchHop,
  edge: benchEdge,
  coupons: benchCoupons,
  orders: benchOrders,
  "gift-cards": benchGiftCards,
  vouchers: benchVouchers,
};

/** Those that take long, measured only where they are named: half an hour, and ten minutes. */
const longBenches: typeof benches = { "ten-million": benchTenMillion, soak: benchSoak };

/**
 * `npm run bench` measures the workloads beside their baselines, in one run; `npm run bench -- coupons orders` those that
 * are named. It prints a table, and writes the same to bench/results.json.
 */
const named = process.argv.slice(2);
const known = { ...benches, ...longBenches };
const unknown = named.find((name) => !Object.hasOwn(known, name));
if (unknown !== undefined) {
  process.stderr.write(`There is no workload ${unknown}; there are ${Object.keys(known).join(", ")}\n`);
  process.exit(1);
}

await using stack = new AsyncDisposableStack();
let ending: Promise<never> | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    ending = stack.disposeAsync().finally(() => process.exit(1)) as Promise<never>;
  });
}

await startMysql(stack);
const results: Result[] = [];
for (const [name, bench] of Object.entries(named.length === 0 ? benches : known)) {
  if (named.length > 0 && !named.includes(name)) continue;
  process.stderr.write(`measuring ${name} …\n`);
  await using own = stack.use(new AsyncDisposableStack());
  try {
    results.push(...(await bench(own)));
  } catch (error) {
    // What fails because it is being ended is no news.
    await ending;
    throw error;
  }
}
process.stdout.write(`${tableOf(results)}\n`);
writeFileSync(new URL("results.json", import.meta.url), `${JSON.stringify(results, null, 2)}\n`);
