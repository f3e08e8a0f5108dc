import { median, type Round } from "./load.ts";

/** Rounds of each side; the sides take turns, so that a noisy neighbour troubles both. */
const rounds = 5;

/** One workload, as we do it and as one would do it plainly. */
export interface Comparison {
  readonly workload: string;
  readonly baseline: string;
  /** What the ratio is of: operations a second, or how long half of them take at most. */
  readonly figure: "rate" | "p50Ms";
  /** What the ratio is to be: at least so much of a rate, at most so much of a time. */
  readonly aim: number;
  runOurs(): Promise<Round>;
  runBaseline(): Promise<Round>;
}

/** What a comparison came to: medians. */
export interface Result {
  readonly workload: string;
  readonly baseline: string;
  readonly figure: Comparison["figure"];
  readonly aim: number;
  readonly reached: boolean;
  readonly ratio: number;
  readonly ours: Round;
  readonly theirs: Round;
}

/** Measures both sides in turn, after a warm-up round of each that does not count. */
export async function compare(comparison: Comparison): Promise<Result> {
  const { workload, baseline, figure, aim } = comparison;
  await comparison.runBaseline();
  await comparison.runOurs();
  const ours: Round[] = [];
  const theirs: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    theirs.push(await comparison.runBaseline());
    ours.push(await comparison.runOurs());
  }
  const ratio = median(ours.map((round, index) => round[figure] / (theirs[index]?.[figure] ?? Number.NaN)));
  const reached = figure === "rate" ? ratio >= aim : ratio <= aim;
  return { workload, baseline, figure, aim, reached, ratio, ours: medians(ours), theirs: medians(theirs) };
}

function medians(all: readonly Round[]): Round {
  return {
    rate: median(all.map((round) => round.rate)),
    p50Ms: median(all.map((round) => round.p50Ms)),
    p99Ms: median(all.map((round) => round.p99Ms)),
  };
}

/** One line a result. */
export function tableOf(results: readonly Result[]): string {
  const head = ["workload", "against", "ours /s", "theirs /s", "p50 ms", "theirs", "p99 ms", "theirs", "ratio", "aim"];
  const lines = results.map(({ workload, baseline, figure, aim, reached, ratio, ours, theirs }) => [
    workload,
    baseline,
    Math.round(ours.rate).toString(),
    Math.round(theirs.rate).toString(),
    ours.p50Ms.toFixed(2),
    theirs.p50Ms.toFixed(2),
    ours.p99Ms.toFixed(2),
    theirs.p99Ms.toFixed(2),
    `${ratio.toFixed(2)} ×`,
    `${figure === "rate" ? "≥" : "p50 ≤"} ${aim} × ${reached ? "✓" : "✗"}`,
  ]);
  const widths = head.map((title, column) =>
    Math.max(...[head, ...lines].map((line) => (line[column] ?? title).length)),
  );
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    )
    .join("\n");
}
