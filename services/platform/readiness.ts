import { settledWithin } from "./waiting.ts";

/** How long an answer holds, in milliseconds: whoever asks more often costs no more. */
const holdsMs = 1_000;

/** How long something may take to answer, in milliseconds. */
const patienceMs = 1_000;

/** Something that a process cannot do without. */
export interface Needed {
  /** Whether it can do its work now; to reject, or to be later than that, is to say no. */
  isReady(timeoutMs: number): Promise<boolean>;
}

/** Makes the question whether all of it is there. Asks at most once a second; who asks meanwhile gets the same answer. */
export function readinessOf(all: readonly Needed[]): () => Promise<boolean> {
  let answer = Promise.resolve(false);
  let holdsUntil = 0;
  return () => {
    if (performance.now() >= holdsUntil) {
      holdsUntil = performance.now() + holdsMs;
      answer = Promise.all(all.map(isReadyInTime)).then((answers) => answers.every(Boolean));
    }
    return answer;
  };
}

async function isReadyInTime(needed: Needed): Promise<boolean> {
  const answer = needed.isReady(patienceMs);
  const isAnswered = await settledWithin(patienceMs, answer);
  return isAnswered && answer.catch(() => false);
}
