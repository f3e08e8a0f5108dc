import { spawn } from "node:child_process";
import { root } from "./processes.ts";

/** `npm run torture [scale] [files]`: the tests that kill, race and load, at full size, or so many times that. */
const [first = "1", ...rest] = process.argv.slice(2);
const isScale = Number(first) > 0;
const files = isScale ? rest : [first, ...rest];
const child = spawn(
  "ava",
  [
    "--serial",
    "--concurrency",
    "1",
    "--timeout",
    "60m",
    ...(files.length > 0 ? files : ["services/**/*.torture.test.ts"]),
  ],
  { cwd: root, stdio: "inherit", env: { ...process.env, TORTURE_SCALE: isScale ? first : "1" } },
);
child.once("exit", (code) => process.exit(code ?? 1));
