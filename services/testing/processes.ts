import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { anyPorts } from "../platform/testing/engines.ts";

/** The root of the project. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** A process that was started for a test. */
export interface TestProcess {
  readonly child: ChildProcess;
  /** What it has written to its standard output and error so far. */
  readonly output: () => string;
  /** Sends a signal, and waits until it has ended; answers its exit code, null where the signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits until it has written this. Rejects where it ends before. */
  says(text: string | RegExp): Promise<void>;
  readonly exited: Promise<number | null>;
}

/** Nothing of a test that fails is to stay behind. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** What `npm start` runs: Node's own options, then the script. */
export const startCommand: readonly string[] = JSON.parse(readFileSync(`${root}package.json`, "utf8"))
  .scripts.start.split(" ")
  .slice(1);

/**
 * Starts `node` on a script of the project as `npm start` does, with its options for Node, in an environment that holds
 * nothing but PATH, where to keep what was compiled, and what is given.
 */
export function startProcess(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): TestProcess {
  const child = spawn(process.execPath, [...startCommand.slice(0, -1), script, ...args], {
    cwd: root,
    env: { ...inherited(), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  const hear = (data: Buffer) => {
    output += data;
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  // Once all that it has written is there, too.
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  running.add(child);
  void exited.then(() => running.delete(child));
  return {
    child,
    output: () => output,
    exited,
    async end(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
    says(text) {
      const isThere = () => (typeof text === "string" ? output.includes(text) : text.test(output));
      return new Promise((resolve, reject) => {
        const listener = () => {
          if (!isThere()) return;
          listeners.delete(listener);
          resolve();
        };
        listeners.add(listener);
        void exited.then((code) => reject(new Error(`${script} ended with ${code} and said:\n${output}`)));
        listener();
      });
    },
  };
}

function inherited(): Readonly<Record<string, string>> {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? { PATH } : { PATH, NODE_COMPILE_CACHE };
}

/** Starts services of the mesh, on any ports but those that are set, and waits until they are ready. */
export async function startServices(
  names: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<TestProcess> {
  const usual = { LOG_LEVEL: "error", ...anyPorts };
  const started = startProcess("services/main.ts", names, { ...usual, ...environment });
  await started.says("giftmesh is ready");
  return started;
}
