import { greeting } from "./greeting.ts";
import { namedServices, startMesh } from "./mesh.ts";
import { ConfigError, readConfig } from "./platform/config.ts";
import { createLog } from "./platform/logging.ts";

/** How long a stop may take before the process ends all the same, in milliseconds. */
const patienceMs = 8_000;

/** What part of the time a process that is idle is busy at most, and how often it is looked whether one is. */
const idle = { utilization: 0.1, lookEveryMs: 2_000 };

/** Runs all services in this process, or those that are named: `main.ts wallet notification`. */
async function main(): Promise<void> {
  const config = readConfig();
  const names = namedServices(process.argv.slice(2), config);
  const log = createLog(config);
  const mesh = await startMesh(names, config, log);

  let stopping = false;
  const stop = () => {
    // npm and the terminal may both pass on the same Ctrl-C.
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), patienceMs).unref();
    mesh.stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, "the stop failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.stdout.write(greeting(names, mesh));
  collectOnceIdle();
}

/**
 * Collects what the start has read and compiled, a quarter of what is in memory, which an idle process would keep: it takes
 * a fifth of a second, so it waits until hardly anything is asked.
 */
function collectOnceIdle(): void {
  let before = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    if (utilization > idle.utilization) return;
    clearInterval(timer);
    globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  }, idle.lookEveryMs);
  timer.unref();
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
