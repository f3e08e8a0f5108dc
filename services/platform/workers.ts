import type { Logger } from "pino";
import type { Leases } from "./leases.ts";
import type { Worker } from "./service.ts";
import { backoffMs, pause } from "./waiting.ts";

const firstPauseMs = 1_000;
const mostPauseMs = 60_000;

/** The workers of a service, running. */
export interface RunningWorkers {
  /** Tells them to end, and waits until they have. */
  stop(): Promise<void>;
}

/** Runs workers again and again, from now on. One that fails is logged and run again after a pause that grows. */
export function runWorkers(workers: readonly Worker[], leases: Leases, log: Logger): RunningWorkers {
  const stopping = new AbortController();
  const running = workers.map((worker) => repeat(worker, leases, log, stopping.signal));
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function repeat(worker: Worker, leases: Leases, log: Logger, stopping: AbortSignal): Promise<void> {
  let failures = 0;
  while (!stopping.aborted) {
    try {
      await runOnce(worker, leases, stopping);
      failures = 0;
    } catch (error) {
      failures++;
      log.error({ err: error, worker: worker.name, failures }, "a worker failed and will be run again");
    }
    await pause(failures === 0 ? worker.everyMs : pauseAfter(failures, worker), stopping);
  }
}

async function runOnce(worker: Worker, leases: Leases, stopping: AbortSignal): Promise<void> {
  if (!worker.alone) return worker.run(stopping);
  await leases.during(`worker ${worker.name}`, (lost) => worker.run(AbortSignal.any([stopping, lost])));
}

/** A worker that runs seldom is run again sooner after a failure, one that runs often later. */
function pauseAfter(failures: number, { everyMs }: Worker): number {
  return backoffMs(failures, { firstMs: firstPauseMs, mostMs: Math.max(everyMs, mostPauseMs) });
}
