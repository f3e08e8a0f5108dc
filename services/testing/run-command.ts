import { spawn } from "node:child_process";
import { root } from "./processes.ts";

/** What a command came to. */
export interface Outcome {
  /** Whether it ended by itself, and well. */
  readonly isGood: boolean;
  /** All that it has written, to its standard output and error. */
  readonly output: string;
}

export interface Limits {
  /** How long it may take before it is interrupted, in milliseconds. */
  readonly limitMs: number;
  /** Interrupts it before that. */
  readonly signal: AbortSignal;
}

/** How long an interrupted command may take to say what it was at, in milliseconds. */
const graceMs = 10_000;

/** What is compiled for one process is kept for the next: each file of tests is a process's worth of modules. */
const compiled = { NODE_COMPILE_CACHE: `${root}node_modules/.cache/node` };

/** Aborted when this process is told to stop, by Ctrl-C or by whoever supervises it, which ends it no more by itself. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}

/**
 * Runs a command of the project, and shows what it writes as it comes. It is interrupted at its limit as by Ctrl-C, so
 * that it can say what it was at; whatever it has started and left, also what stands still, is killed in the end.
 */
export function runCommand(command: string, args: readonly string[], { limitMs, signal }: Limits): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // A group of its own, for all that it starts.
    const env = { ...process.env, ...compiled };
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const { pid } = child;
    let output = "";
    let isInterrupted = false;
    child.stdout.on("data", (data) => {
      output += data;
      process.stdout.write(data);
    });
    child.stderr.on("data", (data) => {
      output += data;
      process.stderr.write(data);
    });
    const interrupt = (why: string) => {
      if (isInterrupted) return;
      isInterrupted = true;
      const line = `  ✘ ${command} is interrupted: ${why}\n`;
      output += line;
      process.stdout.write(line);
      child.kill("SIGINT");
      timers.push(setTimeout(() => killGroup(pid), graceMs));
    };
    const timers = [setTimeout(() => interrupt(`it took more than ${limitMs / 1_000} s`), limitMs)];
    const stop = () => interrupt("it was told to stop");
    signal.addEventListener("abort", stop);
    child.once("error", reject);
    // Whoever is left holds on to the pipes.
    child.once("exit", () => killGroup(pid));
    child.once("close", (code) => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      resolve({ isGood: code === 0 && !isInterrupted, output });
    });
  });
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    // None of it is left.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
