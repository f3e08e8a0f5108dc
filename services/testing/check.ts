import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engines, natsServer } from "../platform/testing/engines.ts";
import { root } from "./processes.ts";

/** What one step came to. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
}

interface Step {
  readonly name: string;
  run(): Promise<Tally>;
}

/** What `npm test` does: every check, then every test, and at the end where they ran and how many passed. */
const steps: readonly Step[] = [
  { name: "lint", run: () => check("biome", ["check", "--error-on-warnings"]) },
  { name: "types", run: () => check("tsc", ["--noEmit"]) },
  { name: "proto lint", run: () => check("buf", ["lint"]) },
  { name: "proto format", run: () => check("buf", ["format", "--diff", "--exit-code", "proto"]) },
  { name: "generated code is up to date", run: checkGenerated },
  { name: "tests", run: runTests },
];

async function main(): Promise<boolean> {
  const servers = await serversFound();
  const tallies: Tally[] = [];
  for (const step of steps) {
    process.stdout.write(`\n▶ ${step.name}\n`);
    const tally = await step.run();
    tallies.push(tally);
    if (tally.failed > 0) process.stdout.write(`✘ ${step.name}\n`);
  }
  const missing = servers.filter((server) => !server.found);
  const required = process.env.REQUIRE_SERVERS === "1" && process.env.CI === "true";
  process.stdout.write(`\nThe tests ran on SQLite and in-process events${servers.map(describe).join("")}.\n`);
  if (required) tallies.push({ passed: servers.length - missing.length, failed: missing.length });
  const sum = (key: keyof Tally) => tallies.reduce((total, tally) => total + tally[key], 0);
  process.stdout.write(`${sum("passed")} passed, ${sum("failed")} failed\n`);
  return sum("failed") === 0;
}

interface Server {
  readonly name: string;
  readonly found: boolean;
  readonly setting: string;
}

async function serversFound(): Promise<Server[]> {
  const found = await engines();
  const server = {
    mysql: { name: "MySQL", found: found.some((engine) => engine.name === "MySQL"), setting: "DATABASE_URL" },
    nats: { name: "NATS", found: (await natsServer()) !== undefined, setting: "NATS_URL" },
  };
  for (const engine of found) await engine.remove();
  return Object.values(server);
}

function describe({ name, found, setting }: Server): string {
  return found ? `, and on ${name}` : `; NOT on ${name}: none answers at ${setting} or its usual port`;
}

async function check(command: string, args: readonly string[]): Promise<Tally> {
  const { code } = await run(command, args);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function runTests(): Promise<Tally> {
  const { code, output } = await run("ava", process.argv.slice(2));
  const passed = count(output, /(\d+) tests? passed/);
  const failed = count(output, /(\d+) tests? failed/);
  return { passed, failed: code === 0 ? failed : Math.max(1, failed) };
}

function count(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1] ?? 0);
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
    for (const name of stale) process.stdout.write(`gen/${name} is not what proto/ makes: npm run gen\n`);
    return stale.length === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
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

/** Every file of tests is a process's worth of modules: what was compiled for one is kept for the others. */
const env = { ...process.env, NODE_COMPILE_CACHE: join(root, "node_modules/.cache/node") };

function run(command: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], env });
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
      process.stdout.write(data);
    });
    child.once("error", reject);
    child.once("exit", (code) => resolve({ code, output }));
  });
}

process.exit((await main()) ? 0 : 1);
