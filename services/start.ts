import { greeting } from "./greeting.ts";
import { namedServices, startMesh } from "./mesh.ts";
import { ConfigError, readConfig } from "./platform/config.ts";
import { createLog } from "./platform/logging.ts";

/** How long a stop may take before the process ends all the same, in milliseconds. */
const patienceMs = 8_000;

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
  // What a start has read and compiled is a quarter of what is in memory, and an idle process would keep it.
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  process.stdout.write(greeting(names, mesh));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
