import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "../rest-client.ts";

/** How far apart those who race may start, in milliseconds: about as long as a step of an order takes. */
const spreadMs = 4;

/** Has all start within a few milliseconds, in any order; answers in the order of the contestants. */
export function race(...contestants: readonly (() => Promise<Answer>)[]): Promise<Answer[]> {
  return Promise.all(
    contestants.map(async (contestant) => {
      // Half of them at once, so that it is not mostly the timer that decides.
      if (Math.random() < 0.5) await sleep(Math.random() * spreadMs);
      return contestant();
    }),
  );
}

/** Runs so many rounds, a few of them at a time; each has a place of its own, from 0, while it runs. */
export async function runRounds(
  count: number,
  atOnce: number,
  run: (round: number, place: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(atOnce, count) }, async (_, place) => {
      while (next < count) await run(next++, place);
    }),
  );
}

/** What an answer came to: `201`, `400 OUT_OF_STOCK`. */
export function outcomeOf({ status, body }: Answer): string {
  return body.code === undefined ? String(status) : `${status} ${body.code}`;
}

/** How many answers came to what. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of answers.map(outcomeOf)) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
