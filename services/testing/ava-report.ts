/** What AVA has said of a run, be it to the end or not. */
export interface AvaReport {
  readonly passed: number;
  readonly failed: number;
  /** The title of everything that failed, and then what was wrong; nothing where nothing failed. */
  readonly complaints: readonly string[];
}

/** Of one failure so many lines: a difference between long answers is not to hide the next one. */
const linesOfOne = 16;

/**
 * Reads what AVA's default reporter has written. Marks are counted, and not taken from its summary: that leaves out
 * how many passed once one has failed, and is not there where the run was cut short.
 */
export function readAvaReport(output: string): AvaReport {
  const lines = output.split("\n");
  const failures = lines.filter((line) => /^ {2}✘ (?!Timed out|Exiting due to)/.test(line));
  const pending = lines.filter((line) => /^ {2}(◌ |Failed to exit when running )/.test(line));
  const titles = lines.filter((line) => /^ {2}(✘ |◌ |Failed to exit |\d+ tests were pending )/.test(line));
  return {
    passed: lines.filter((line) => line.startsWith("  ✔ ")).length,
    failed: failures.length + pending.length,
    complaints: [...titles, ...strayErrors(lines), ...details(lines)],
  };
}

/** What was thrown outside of any test. */
function strayErrors(lines: readonly string[]): string[] {
  return lines.flatMap((line, index) => {
    if (!/^ {2}(Uncaught exception|Unhandled rejection|✘ Internal error)/.test(line)) return [];
    const next = lines.findIndex((other, at) => at > index && /^ {2}[✔✘] /.test(other));
    return shortened(lines.slice(index, next < 0 ? undefined : next));
  });
}

/** What AVA says of each failed test, between two rules at the end. */
function details(lines: readonly string[]): string[] {
  const [from = 0, to = 0] = lines.flatMap((line, index) => (line === "  ─" ? [index] : []));
  const failures = lines
    .slice(from + 1, to)
    .join("\n")
    .split("\n\n\n");
  return failures.flatMap((failure) => shortened(failure.split("\n")));
}

function shortened(lines: readonly string[]): string[] {
  const told = lines.filter((line) => line.trim() !== "" && !/^ +(at|›) .*(node_modules\/|node:internal)/.test(line));
  const rest = told.length - linesOfOne;
  if (told.length === 0) return [];
  return ["", ...told.slice(0, linesOfOne), ...(rest > 0 ? [`  … ${rest} more lines`] : [])];
}
