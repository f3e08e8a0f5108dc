/** How the stand-in behaves: well, unless it is told otherwise. */
export interface Behaviour {
  /** How many of the requests fail, 0 to 1: with a 500, half of them before and half of them after they were taken. */
  readonly failureRate: number;
  /** How long it takes to answer, in milliseconds. */
  readonly delayMs: number;
  /** What it answers to everything; where that is no success, it takes nothing. */
  readonly status: number | undefined;
}

export const goodBehaviour: Behaviour = { failureRate: 0, delayMs: 0, status: undefined };

const mostDelayMs = 600_000;

/** Reads `{"failure_rate", "delay_ms", "status"}`, each of which may be left out; undefined where that cannot be read. */
export function readBehaviour(text: string): Behaviour | undefined {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const { failure_rate: failureRate = 0, delay_ms: delayMs = 0, status, ...others } = given as Record<string, unknown>;
  if (Object.keys(others).length > 0) return undefined;
  if (!isWithin(failureRate, 0, 1) || !isWithin(delayMs, 0, mostDelayMs)) return undefined;
  if (status === undefined || status === null) return { failureRate, delayMs, status: undefined };
  return isWithin(status, 200, 599) && Number.isInteger(status) ? { failureRate, delayMs, status } : undefined;
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}
