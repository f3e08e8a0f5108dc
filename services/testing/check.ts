import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { readAvaReport } from "./ava-report.ts";
import { root } from "./processes.ts";
import { interruption, runCommand } from "./run-command.ts";
import { inScratch } from "./scratch.ts";
import { startServers } from "./servers.ts";

/** What one step came to. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** What failed, and what was wrong with it. */
  readonly complaints: readonly string[];
}

interface Step {
  readonly name: string;
  run(): Promise<Tally>;
}

const minuteMs = 60_000;

/** Files of tests that run at once, however many cores there are: each has a mesh or two, of up to 300 MB. */
const mostAtOnce = 12;

/** At the end so many lines of complaints are said again, for whoever sees no more than the end. */
const mostComplaints = 60;

/** These kill processes, start many, or have a second for what they wait for: they are not run beside all others. */
const apart = [
  "services/**/*.torture.test.ts",
  "services/compose.test.ts",
  "services/main.test.ts",
  "services/voucher/codes/delivery.test.ts",
];

/** `npm run test:servers`: on MySQL and NATS too. */
const isOnServers = process.argv[2] === "--servers";

/** What `npm test` does: every check, then every test, and at the end where they ran and how many passed. */
const steps: readonly Step[] = [
  { name: "lint", run: () => check("biome", ["check", "--error-on-warnings"]) },
  { name: "types", run: () => check("tsc", ["--noEmit"]) },
  { name: "proto lint", run: () => check("buf", ["lint"]) },
  { name: "proto format", run: () => check("buf", ["format", "--diff", "--exit-code", "proto"]) },
  { name: "generated code is up to date", run: checkGenerated },
  ...testSteps(process.argv.slice(isOnServers ? 3 : 2)),
];

/** Every test, or what is asked for in AVA's own words: `npm test -- services/wallet --match "*audit*"`. */
function testSteps(args: readonly string[]): readonly Step[] {
  if (args.length > 0) return [{ name: "tests", run: () => runTests(args) }];
  const others = ["services/**/*.test.ts", ...apart.map((pattern) => `!${pattern}`)];
  return [
    { name: "tests", run: () => runTests(["--concurrency", String(filesAtOnce()), ...others]) },
    { name: "tests that kill, and wait", run: () => runTests(["--concurrency", "2", ...apart]) },
  ];
}

/** Tests wait as much as they compute; with servers, what computes beside them is those. */
function filesAtOnce(): number {
  return Math.min(mostAtOnce, availableParallelism() * (isOnServers ? 2 : 3));
}

const interrupted = interruption();

/** On servers, all of them are to be there, and more is tortured. */
async function runOnServers(scratch: string): Promise<boolean> {
  process.env.TORTURE_SCALE ??= "0.1";
  const servers = await startServers(scratch);
  try {
    return servers.missing.length === 0 ? await runSteps(steps) : report([tallyOf(servers.missing)]);
  } finally {
    await servers.stop();
  }
}

/** What is not here fails, and nothing runs. */
function tallyOf(missing: readonly string[]): Tally {
  return { passed: 0, failed: missing.length, complaints: missing.map((line) => `  ✘ ${line}`) };
}

async function runSteps(steps: readonly Step[]): Promise<boolean> {
  const tallies: Tally[] = [];
  for (const step of steps) {
    if (interrupted.aborted) {
      tallies.push({ passed: 0, failed: 1, complaints: [`  ✘ ${step.name}: told to stop before`] });
      break;
    }
    process.stdout.write(`\n▶ ${step.name}\n`);
    const tally = await step.run();
    tallies.push(tally);
    if (tally.failed > 0) process.stdout.write(`✘ ${step.name}\n`);
  }
  return report(tallies, describePlaces());
}

/** Says at the end what it came to; answers whether all is well. */
function report(tallies: readonly Tally[], places = ""): boolean {
  const sum = (key: "passed" | "failed") => tallies.reduce((total, tally) => total + tally[key], 0);
  const complaints = tallies.flatMap((tally) => tally.complaints);
  if (complaints.length > 0) process.stdout.write(`\nWhat failed:\n${firstOf(complaints).join("\n")}\n`);
  process.stdout.write(`\n${places}${sum("passed")} passed, ${sum("failed")} failed\n`);
  return sum("failed") === 0;
}

function firstOf(complaints: readonly string[]): readonly string[] {
  const rest = complaints.length - mostComplaints;
  return rest <= 0 ? complaints : [...complaints.slice(0, mostComplaints), `  … ${rest} more lines, above`];
}

function describePlaces(): string {
  const { DATABASE_URL: mysql, NATS_URL: nats } = process.env;
  const places = ["SQLite", ...(mysql ? ["MySQL"] : []), "in-process events", ...(nats ? ["NATS"] : [])];
  const others = mysql && nats ? "" : "; npm run test:servers runs them on MySQL and NATS too";
  return `The tests ran on ${new Intl.ListFormat("en").format(places)}${others}.\n`;
}

async function check(command: string, args: readonly string[]): Promise<Tally> {
  const { isGood, output } = await run(command, args);
  if (isGood) return { passed: 1, failed: 0, complaints: [] };
  return { passed: 0, failed: 1, complaints: [`  ✘ ${command}`, ...output.split("\n").slice(0, 20)] };
}

async function runTests(args: readonly string[]): Promise<Tally> {
  const { isGood, output } = await run("ava", args);
  const { passed, failed, complaints } = readAvaReport(output);
  return { passed, failed: isGood ? failed : Math.max(1, failed), complaints };
}

function run(command: string, args: readonly string[]) {
  return runCommand(command, args, { limitMs: 25 * minuteMs, signal: interrupted });
}

/** Generates anew beside what is committed, and compares. */
async function checkGenerated(): Promise<Tally> {
  const fresh = mkdtempSync(join(tmpdir(), "giftmesh-gen-"));
  try {
    await run("buf", ["generate", "--output", fresh]);
    await run("buf", ["build", "--output", join(fresh, "gen", "descriptors.binpb")]);
    const names = await filesIn(join(fresh, "gen"));
    const committed = await filesIn(join(root, "gen"));
    const stale = [...new Set([...names, ...committed])].filter(
      (name) =>
        !names.includes(name) ||
        !committed.includes(name) ||
        !isSame(join(fresh, "gen", name), join(root, "gen", name)),
    );
    const complaints = stale.map((name) => `  ✘ gen/${name} is not what proto/ makes: npm run gen`);
    for (const complaint of complaints) process.stdout.write(`${complaint}\n`);
    return { passed: stale.length === 0 ? 1 : 0, failed: stale.length === 0 ? 0 : 1, complaints };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

function isSame(one: string, other: string): boolean {
  return readFileSync(one).equals(readFileSync(other));
}

process.exit((await inScratch(isOnServers ? runOnServers : () => runSteps(steps))) ? 0 : 1);
