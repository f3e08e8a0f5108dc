/** What one round of a workload measured. */
export interface Round {
  /** Operations a second. */
  readonly rate: number;
  /** Milliseconds that half of the operations took at most. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the side's own processes for an operation, in microseconds. */
  readonly cpuUs?: number;
  /** COMMITs of the database server for an operation. */
  readonly commits?: number;
  /** What the side's own processes had in memory at the end, in MB. */
  readonly rssMb?: number;
}

/** A round, and how many operations it is made of. */
export interface CountedRound extends Round {
  readonly operations: number;
}

/** Keeps so many operations in flight for so long: each ends before the next of its place begins. */
export async function closedLoop(
  inFlight: number,
  durationMs: number,
  operate: (place: number, turn: number) => Promise<unknown>,
): Promise<CountedRound> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + durationMs;
  await Promise.all(
    Array.from({ length: inFlight }, async (_, place) => {
      for (let turn = 0; performance.now() < end; turn++) {
        const begun = performance.now();
        await operate(place, turn);
        latencies.push(performance.now() - begun);
      }
    }),
  );
  const elapsedMs = performance.now() - start;
  latencies.sort((a, b) => a - b);
  return {
    operations: latencies.length,
    rate: latencies.length / (elapsedMs / 1_000),
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
  };
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
