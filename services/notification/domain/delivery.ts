import type { Message } from "./message.ts";

const second = 1_000_000n;
const firstPause = second;
const longestPause = 600n * second;

/** What a day has not delivered is news no more. */
const worthDeliveringFor = 24n * 3_600n * second;

/** What to do about a message after a failed attempt. */
export type NextStep = { readonly kind: "retry"; readonly at: bigint } | { readonly kind: "give_up" };

/** Decides after so many failed attempts, the last one at this instant: pauses double from 1 s to 10 min, for 24 h. */
export function nextStep({ createdAt }: Pick<Message, "createdAt">, attempts: number, at: bigint): NextStep {
  const retryAt = at + pauseAfter(attempts);
  return retryAt - createdAt < worthDeliveringFor ? { kind: "retry", at: retryAt } : { kind: "give_up" };
}

function pauseAfter(attempts: number): bigint {
  let pause = firstPause;
  for (let attempt = 1; attempt < attempts && pause < longestPause; attempt++) pause *= 2n;
  return pause < longestPause ? pause : longestPause;
}
