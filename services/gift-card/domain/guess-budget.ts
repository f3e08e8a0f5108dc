import type { Instant } from "../../platform/time.ts";

/** How many codes of no card one caller may try in any minute; at each replica, where they set out at all at once (`Guesses`). */
export const mostMisses = 10;

/**
 * How many all callers together may try in any minute, before those who have missed lately are refused. So whoever guesses
 * from ten thousand accounts makes no more than one try a minute with each, and a code has 2^80 values.
 */
export const mostMissesOfAll = 1_000;

/** In microseconds: a minute. */
export const window = 60_000_000n;

/** What is known of misses in the last minute. */
export interface Misses {
  /** The caller's own, the oldest first: the newest so many, at most `mostMisses`. */
  readonly own: readonly Instant[];
  /** Whether all callers together have missed more often than they may. */
  readonly areTooManyOfAll: boolean;
}

/** Since when a miss counts. */
export function windowStart(now: Instant): Instant {
  return now - window;
}

/** From when on a caller may try again; undefined where they may now. */
export function refusedUntil({ own, areTooManyOfAll }: Misses): Instant | undefined {
  const [oldest] = own;
  if (oldest === undefined) return undefined;
  if (own.length >= mostMisses) return oldest + window;
  return areTooManyOfAll ? (own.at(-1) ?? oldest) + window : undefined;
}
