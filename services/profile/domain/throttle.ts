/** How often signing in has failed in a row. */
export interface Failures {
  readonly count: number;
  /** Microseconds since 1970. */
  readonly lastAt: bigint;
}

/** The failures that bear on one attempt to sign in. */
export interface LoginFailures {
  /** With this user name from this address: somebody guesses at one user's password. */
  readonly fromAddress: Failures;
  /** With this user name from anywhere: many do. */
  readonly ofUsername: Failures;
}

export const noFailures: Failures = { count: 0, lastAt: 0n };

/** Failures are forgotten after a day, in microseconds. */
export const forgottenAfter = 24n * 3600n * 1_000_000n;

/** From so many failures on, each doubles the wait for the next attempt, from one second up to the longest. */
interface Limit {
  readonly freeFailures: number;
  readonly longestWaitSeconds: number;
}

const addressLimit: Limit = { freeFailures: 5, longestWaitSeconds: 900 };

/** Short, so that strangers who guess cannot keep the user out. */
const usernameLimit: Limit = { freeFailures: 50, longestWaitSeconds: 60 };

/** Whole seconds until the next attempt may be made; 0 where that is now. */
export function secondsToWait({ fromAddress, ofUsername }: LoginFailures, now: bigint): number {
  return Math.max(secondsLeft(fromAddress, addressLimit, now), secondsLeft(ofUsername, usernameLimit, now));
}

/** The failures with one more at this instant. */
export function addFailure({ count, lastAt }: Failures, now: bigint): Failures {
  return { count: now - lastAt < forgottenAfter ? count + 1 : 1, lastAt: now };
}

function secondsLeft({ count, lastAt }: Failures, { freeFailures, longestWaitSeconds }: Limit, now: bigint): number {
  if (count < freeFailures) return 0;
  const waitSeconds = Math.min(longestWaitSeconds, 2 ** (count - freeFailures));
  const passedSeconds = Number(now - lastAt) / 1_000_000;
  return Math.min(waitSeconds, Math.max(0, Math.ceil(waitSeconds - passedSeconds)));
}
