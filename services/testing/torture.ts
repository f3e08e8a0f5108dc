import { spawn } from "node:child_process";
import { once } from "node:events";
import { root } from "./processes.ts";
import { inScratch } from "./scratch.ts";
import { startServers } from "./servers.ts";

/** `npm run torture [scale] [files]`: the tests that kill, race and load, at full size, or so many times that. */
const [first = "1", ...rest] = process.argv.slice(2);
const isScale = Number(first) > 0;
const files = isScale ? rest : [first, ...rest];
const named = files.length > 0 ? files : ["services/**/*.torture.test.ts"];
const limits = ["--serial", "--concurrency", "1", "--timeout", "60m"];

async function torture(scratch: string): Promise<number> {
  const servers = await startServers(scratch);
  try {
    for (const line of servers.missing) process.stderr.write(`${line}: not all of it is run\n`);
    const env = { ...process.env, TORTURE_SCALE: isScale ? first : "1" };
    const child = spawn("ava", [...limits, ...named], { cwd: root, stdio: "inherit", env });
    // AVA hears them too, says what it was at, and ends.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
    const [code] = await once(child, "exit");
    return code ?? 1;
  } finally {
    await servers.stop();
  }
}

process.exit(await inScratch(torture));
