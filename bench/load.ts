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

/** What is done over and over: by which of those that are in flight, and as its how manieth. */
type Operate = (place: number, turn: number) => Promise<unknown>;

/** Keeps so many operations in flight for so long: each ends before the next of its place begins. */
export function closedLoop(inFlight: number, durationMs: number, operate: Operate): Promise<CountedRound> {
  const end = performance.now() + durationMs;
  return closedLoopWhile(inFlight, () => performance.now() < end, operate);
}

/** The same for as long as there is something to do. */
export async function closedLoopWhile(
  inFlight: number,
  goesOn: () => boolean,
  operate: Operate,
): Promise<CountedRound> {
  const latencies: number[] = [];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async (_, place) => {
      for (let turn = 0; goesOn(); turn++) {
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
