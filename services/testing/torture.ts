import { interruption, runCommand } from "./run-command.ts";
import { inScratch } from "./scratch.ts";
import { startServers } from "./servers.ts";

/** `npm run torture [scale] [files]`: the tests that kill, race and load, at full size, or so many times that. */
const [first = "1", ...rest] = process.argv.slice(2);
const isScale = Number(first) > 0;
const files = isScale ? rest : [first, ...rest];
const named = files.length > 0 ? files : ["services/**/*.torture.test.ts"];
const limits = ["--serial", "--concurrency", "1", "--timeout", "60m"];
const dayMs = 86_400_000;

const signal = interruption();

async function torture(scratch: string): Promise<boolean> {
  process.env.TORTURE_SCALE = isScale ? first : "1";
  const servers = await startServers(scratch);
  try {
    for (const line of servers.missing) process.stderr.write(`${line}: not all of it is run\n`);
    return (await runCommand("ava", [...limits, ...named], { limitMs: dayMs, signal })).isGood;
  } finally {
    await servers.stop();
  }
}

process.exit((await inScratch(torture)) ? 0 : 1);
