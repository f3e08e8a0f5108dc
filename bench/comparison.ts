import { median, type Round } from "./load.ts";

/** Rounds of each side; the sides take turns, so that a noisy neighbour troubles both. */
const usualRounds = 5;

/** One workload, as we do it and as one would do it plainly. */
export interface Comparison {
  readonly workload: string;
  readonly baseline: string;
  /**
   * What the ratio is of: operations a second, or how long half of them, or all but one in a hundred, take at most, or
   * what they take of commits, or what is in memory.
   */
  readonly figure: "rate" | "p50Ms" | "p99Ms" | "commits" | "rssMb";
  /** What the ratio is to be: at least so much of a rate, at most so much of anything else. */
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
  readonly theirs: Partial<Round>;
}

/** Measures both sides in turn, after a warm-up round of each that does not count. */
export async function compare(comparison: Comparison, rounds = usualRounds): Promise<Result> {
  const { workload, baseline, figure, aim } = comparison;
  await comparison.runBaseline();
  await comparison.runOurs();
  const ours: Round[] = [];
  const theirs: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    theirs.push(await comparison.runBaseline());
    ours.push(await comparison.runOurs());
  }
  const ratio = median(
    ours.map((round, index) => (round[figure] ?? Number.NaN) / (theirs[index]?.[figure] ?? Number.NaN)),
  );
  const sides = { ours: medians(ours), theirs: medians(theirs) };
  return told({ workload, baseline, figure, aim, ...judged(figure, ratio, aim), ...sides });
}

/** Runs a side alone, after a warm-up round that does not count: the medians. */
export async function measureAlone(run: () => Promise<Round>, rounds = usualRounds): Promise<Round> {
  await run();
  const all: Round[] = [];
  for (let round = 0; round < rounds; round++) all.push(await run());
  return medians(all);
}

/** What is set beside what was measured: a figure that is known, or a limit. */
export interface Known {
  readonly baseline: string;
  readonly figure: Comparison["figure"];
  readonly value: number;
  /** What the ratio is to be; 1 where unset. */
  readonly aim?: number;
}

/** What was measured, beside what is known. */
export function beside(workload: string, ours: Round, { baseline, figure, value, aim = 1 }: Known): Result {
  const ratio = (ours[figure] ?? Number.NaN) / value;
  return told({ workload, baseline, figure, aim, ...judged(figure, ratio, aim), ours, theirs: { [figure]: value } });
}

/** Says what was measured when it is: the table comes at the end, and after hours an end may not come. */
function told(result: Result): Result {
  const { workload, baseline, ratio } = result;
  process.stderr.write(`  ${workload}: ${ratio.toFixed(2)} × ${baseline}\n`);
  return result;
}

function judged(figure: Comparison["figure"], ratio: number, aim: number) {
  return { ratio, reached: figure === "rate" ? ratio >= aim : ratio <= aim };
}

function medians(all: readonly Round[]): Round {
  const medianOf = (figure: keyof Round) => median(all.map((round) => round[figure] ?? Number.NaN));
  return {
    rate: medianOf("rate"),
    p50Ms: medianOf("p50Ms"),
    p99Ms: medianOf("p99Ms"),
    cpuUs: medianOf("cpuUs"),
    commits: medianOf("commits"),
    rssMb: medianOf("rssMb"),
  };
}

const signs = { rate: "≥", p50Ms: "p50 ≤", p99Ms: "p99 ≤", commits: "commits ≤", rssMb: "RSS ≤" } as const;

/** What of a round is shown, and with how many digits. */
const figures: readonly (readonly [title: string, figure: keyof Round, digits: number])[] = [
  ["a second", "rate", 0],
  ["p50 ms", "p50Ms", 2],
  ["p99 ms", "p99Ms", 2],
  ["CPU µs", "cpuUs", 0],
  ["commits", "commits", 3],
  ["RSS MB", "rssMb", 0],
];

/** One line a result; ours first in every pair. */
export function tableOf(results: readonly Result[]): string {
  const head = ["workload", "against", ...figures.map(([title]) => `${title} | theirs`), "ratio", "aim"];
  const lines = results.map(({ workload, baseline, figure, aim, reached, ratio, ours, theirs }) => [
    workload,
    baseline,
    ...figures.map(([, name, digits]) => `${shown(ours[name], digits)} | ${shown(theirs[name], digits)}`),
    `${ratio.toFixed(2)} ×`,
    `${signs[figure]} ${aim} × ${reached ? "✓" : "✗"}`,
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

function shown(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits);
}
