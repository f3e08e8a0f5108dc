import { type Logger, pino } from "pino";

/** A log whose lines a test can look at. */
export function recordedLog(): { readonly log: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { log: pino({ level: "trace" }, { write: (line) => lines.push(JSON.parse(line)) }), lines };
}
