/** What one round of a workload measured. */
export interface Round {
  /** Operations a second. */
  readonly rate: number;
  /** Milliseconds that half of the operations took at most. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Keeps so many operations in flight for so long: each ends before the next of its place begins. */
export async function closedLoop(
  inFlight: number,
  durationMs: number,
  operate: (place: number, turn: number) => Promise<unknown>,
): Promise<Round> {
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
    rate: latencies.length / (elapsedMs / 1_000),
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
  };
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
