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
  /** Whether the user has signed in from there lately: what strangers do elsewhere does not keep them out. */
  readonly isFromKnownNetwork?: boolean;
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

/** A network is known for 30 days after a user has signed in from there, in microseconds. */
export const networkKnownFor = 30n * 24n * 3600n * 1_000_000n;

/** Only for who comes from elsewhere than the user does: or a dozen strangers could keep the user out for good. */
const usernameLimit: Limit = { freeFailures: 50, longestWaitSeconds: 60 };

/** Whole seconds until the next attempt may be made; 0 where that is now. */
export function secondsToWait({ fromAddress, ofUsername, isFromKnownNetwork }: LoginFailures, now: bigint): number {
  const byAddress = secondsLeft(fromAddress, addressLimit, now);
  return isFromKnownNetwork ? byAddress : Math.max(byAddress, secondsLeft(ofUsername, usernameLimit, now));
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
