import { mkdirSync, writeFileSync } from "node:fs";
import { type Result, tableOf } from "./comparison.ts";
import { benchEdge } from "./edge.ts";
import { benchLedger } from "./ledger.ts";

/** `npm run bench`: every workload against its baseline, both in this run; a table, and the same as bench.json. */
const results: Result[] = [];
for (const [name, bench] of Object.entries({ ledger: benchLedger, edge: benchEdge })) {
  process.stderr.write(`measuring ${name} …\n`);
  results.push(...(await bench()));
}
process.stdout.write(`${tableOf(results)}\n`);
mkdirSync(".data", { recursive: true });
writeFileSync(".data/bench.json", `${JSON.stringify(results, null, 2)}\n`);
